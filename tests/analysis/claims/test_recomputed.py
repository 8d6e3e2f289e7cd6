"""Numbers of verdicts, computed again without any code of the harness, from the trials alone."""

import numpy as np
import pandas as pd
import pytest

from tests.analysis.simulated_claims import cliff, controllers, judged, trials_of


def test_three_verdict_numbers_come_out_of_a_few_lines_of_pandas():
    trials = pd.concat(
        [
            cliff(0.3, 0.4),
            controllers(15000, 19900, beta_naive=0.9),
            trials_of(
                {("fixed", 32): 100, ("fixed", 64): 100, ("processes", 8): 80},
                experiment="memory",
                workload="mixed_10_50",
                rss_peak_mb=lambda name, size: 160.0 if name == "processes" else 20.0 + size / 50,
            ),
        ]
    )
    table = judged(trials, only="C1 C12 C19")

    # C1: in each block against the size that did best over the other blocks
    chosen = trials[trials["experiment"] == "cliff_batch"]
    rates = np.log(
        chosen.pivot_table(index="block", columns="concurrency", values="throughput_tps")
    )
    best = [rates.drop(index=block).mean().idxmax() for block in rates.index]
    ratios = [
        rates.loc[block, 2048] - rates.loc[block, size]
        for block, size in zip(rates.index, best, strict=True)
    ]
    assert table.loc[("C1", "system"), "measured"] == pytest.approx(1 - np.exp(np.mean(ratios)))

    # C12: a controller against a pool of 256 threads, within blocks
    chosen = trials[trials["experiment"] == "baselines"].set_index("block")
    controller = chosen[chosen["strategy"] == "adaptive"]["throughput_tps"]
    naive = chosen[(chosen["strategy"] == "fixed") & (chosen["concurrency"] == 256)]
    gain = np.exp(np.log(controller / naive["throughput_tps"]).mean()) - 1
    assert table.loc[("C12", "adaptive"), "measured"] == pytest.approx(gain)

    # C19: memory of eight processes over that of 32 threads
    chosen = trials[trials["experiment"] == "memory"].set_index("block")
    processes = chosen[chosen["strategy"] == "processes"]["rss_peak_mb"]
    threads = chosen[(chosen["strategy"] == "fixed") & (chosen["concurrency"] == 32)]
    ratio = np.exp(np.log(processes / threads["rss_peak_mb"]).mean())
    assert table.loc[("C19-spawn-rss", "system"), "measured"] == pytest.approx(ratio)


def test_the_trials_that_a_verdict_rests_on_are_selected_by_its_expression():
    one, two = cliff(0.3, 0.3, cores=1), cliff(0.3, 0.3, cores=2, seed=2)
    other = cliff(0.3, 0.3, experiment="cliff")
    trials = pd.concat([one, two, other], ignore_index=True)
    table = judged(one, two, other, only="C1 C7 C19")
    of_one = trials.query(table.loc[("C1", "system"), "trials"])
    assert len(of_one) == len(one)
    assert (of_one["experiment"] == "cliff_batch").all()
    assert (of_one["cores"] == 1).all()
    assert len(trials.query(table.loc[("C7", "system"), "trials"])) == len(one) + len(two)
    assert table.loc[("C19", "system"), "trials"] == ""
