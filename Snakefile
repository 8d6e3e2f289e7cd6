# From configuration to figures. What is measured is decided in config/, how in harness/.
#
#   snakemake --cores 1 [--config preset=smoke|short|paper interpreters=cpython-3.12 claim=C17]

import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(workflow.basedir))

from snakemake.exceptions import WorkflowError

from harness.base.errors import ConfigError
from harness.commands.run import arguments, open_run

try:
    run = open_run(config)
except ConfigError as error:
    raise WorkflowError(f"Configuration refused.\n{error}") from None
run.forget_empty_markers()

RESULTS, FIGURES = str(run.results), str(run.figures)
NOTEBOOKS = sorted(Path(workflow.basedir, "notebooks").glob("*.ipynb"))
NOTEBOOK_PAGES = [f"{RESULTS}/notebooks/{path.stem}.html" for path in NOTEBOOKS]
# `exec`: the measuring process is Snakemake's own child and dies with it.
HARNESS = f"PYTHONPATH={shlex.quote(workflow.basedir)} exec {shlex.quote(sys.executable)} -m harness"
MISSING = " ".join(f"--missing {name}" for name in run.config.missing_interpreters)
SETTINGS = arguments(config)


CONFIG = str(run.config_folder)
PRINTED = [str(path) for path in run.printed_files()]
CLAIM = f"--claim {run.claim.id}" if run.claim else ""
# Of an unfinished run only what it has: nothing is measured for a look at it.
MICRO = [] if run.unfinished else [f"{RESULTS}/pyperf/micro.done"]
REPEATS = [] if run.unfinished else [f"{RESULTS}/raw/repeats.done"]


wildcard_constraints:
    experiment="[a-z0-9_-]+",
    block=r"\d+",


rule all:
    input:
        f"{RESULTS}/claims.csv",
        f"{RESULTS}/machine.json",
        # A single claim needs no more.
        (
            []
            if run.claim
            else [
                f"{RESULTS}/tables/efficiency.csv",
                f"{RESULTS}/pyperf/export.done",
                *MICRO,
                f"{FIGURES}/figures.done",
                f"{RESULTS}/report.html",
                *NOTEBOOK_PAGES,
            ]
        ),


rule interpreters:
    output:
        f"{RESULTS}/interpreters.json",
    params:
        names=" ".join(run.config.interpreters),
        differences=(
            "--allow-version-differences"
            if run.config.allow_version_differences
            else ""
        ),
    shell:
        "{HARNESS} interpreters --config-folder {CONFIG:q} --json --only {params.names}"
        " {params.differences} > {output:q}"


rule model:
    output:
        f"{RESULTS}/model.json",
    params:
        wanted=[w.model for w in run.config.workloads.values() if w.needs_model],
    shell:
        "{HARNESS} model {SETTINGS} --out {output:q}"


rule plan:
    output:
        f"{RESULTS}/plan.json",
    params:
        identity=run.plan.identity,
    shell:
        "{HARNESS} plan {SETTINGS} --freeze"


# One block at a time, whatever --cores says: a block asks for all of them. Blocks of
# different experiments alternate, so that a slow hour of the machine hits all alike.
rule block:
    input:
        rules.interpreters.output,
        rules.model.output,
        rules.plan.output,
    output:
        touch(f"{RESULTS}/raw/{{experiment}}/block-{{block}}.done"),
    priority: lambda wildcards: 1000 - int(wildcards.block)
    threads: workflow.cores
    shell:
        "{HARNESS} run-block {SETTINGS} --experiment {wildcards.experiment} --block {wildcards.block}"


# What the rules of config.yaml leave out is measured again, at another time: marked as such.
rule repeats:
    input:
        [str(marker) for marker in run.markers()],
    output:
        touch(f"{RESULTS}/raw/repeats.done"),
    threads: workflow.cores
    shell:
        "{HARNESS} repeat {SETTINGS}"


rule micro_benchmarks:
    input:
        rules.interpreters.output,
        [str(marker) for marker in run.markers()],
    output:
        touch(f"{RESULTS}/pyperf/micro.done"),
    threads: workflow.cores
    shell:
        "{HARNESS} micro {SETTINGS}"


rule trials:
    input:
        # In a look at an unfinished run: whatever has been measured by now.
        [
            str(path)
            for path in (run.record_files() if run.unfinished else run.markers())
        ],
        REPEATS,
    output:
        trials=f"{RESULTS}/trials.csv",
        titles=f"{RESULTS}/titles.json",
        timelines=f"{RESULTS}/timelines.csv",
        decisions=f"{RESULTS}/decisions.csv",
    params:
        exclusion=run.config.exclusion,
        clocked=run.config.clocked(),
        differences=run.config.allow_version_differences,
        titles=run.config.titles(),
    shell:
        "{HARNESS} collect {SETTINGS} --trials {output.trials:q} --titles {output.titles:q}"


rule machine:
    input:
        rules.interpreters.output,
    output:
        f"{RESULTS}/machine.json",
    shell:
        "{HARNESS} machine --interpreters-json {input:q} --out {output:q}"


rule tables:
    input:
        trials=rules.trials.output.trials,
        titles=rules.trials.output.titles,
        timelines=rules.trials.output.timelines,
        decisions=rules.trials.output.decisions,
        micro=MICRO,
        printed=PRINTED,
    output:
        f"{RESULTS}/tables/efficiency.csv",
    shell:
        "{HARNESS} tables --trials {input.trials:q} --titles {input.titles:q}"
        " --timelines {input.timelines:q} --decisions {input.decisions:q} --micro {run.micro}"
        " --config-folder {CONFIG:q} --out {RESULTS}/tables {MISSING}"


rule figures:
    input:
        trials=rules.trials.output.trials,
        titles=rules.trials.output.titles,
        timelines=rules.trials.output.timelines,
        decisions=rules.trials.output.decisions,
        printed=PRINTED,
    output:
        touch(f"{FIGURES}/figures.done"),
    params:
        experiment=(
            "--experiment profiles" if "profiles" in run.config.experiments else ""
        ),
    shell:
        "{HARNESS} figures --trials {input.trials:q} --titles {input.titles:q}"
        " --timelines {input.timelines:q} --decisions {input.decisions:q}"
        " --config-folder {CONFIG:q} --out {FIGURES} {params.experiment} {MISSING}"


rule claims:
    input:
        trials=rules.trials.output.trials,
        plan=rules.plan.output,
        micro=MICRO if any(c.micro_benchmarks() for c in run.claims()) else [],
        catalogue=[str(path) for path in run.claim_files()],
    output:
        f"{RESULTS}/claims.csv",
        f"{RESULTS}/tables/claims.csv",
    shell:
        "{HARNESS} claims --trials {input.trials:q} --plan {input.plan:q}"
        " --micro {run.micro} --config-folder {CONFIG:q} --out {RESULTS} {CLAIM}"


rule pyperf_export:
    input:
        rules.trials.output.trials,
    output:
        touch(f"{RESULTS}/pyperf/export.done"),
    shell:
        "{HARNESS} pyperf --trials {input:q} --out {RESULTS}/pyperf"


# Whatever is missing: the report says so. It reads the folder, and what it reads is here.
rule report:
    input:
        rules.plan.output,
        rules.trials.output,
        rules.machine.output,
        rules.tables.output,
        rules.figures.output,
        rules.claims.output,
    output:
        f"{RESULTS}/report.html",
    shell:
        "{HARNESS} report --results {RESULTS} --figures {FIGURES} --out {output:q} {MISSING}"


rule notebooks:
    input:
        rules.report.input,
        notebooks=NOTEBOOKS,
    output:
        NOTEBOOK_PAGES,
    shell:
        "{HARNESS} notebooks --results {RESULTS} --out {RESULTS}/notebooks {input.notebooks:q}"
