# From configuration to figures. What is measured is decided in config/, how in harness/.
#
#   snakemake --cores 1 [--config preset=smoke|short|paper interpreters=cpython-3.12]

import sys
from pathlib import Path

sys.path.insert(0, str(workflow.basedir))

from snakemake.exceptions import WorkflowError

from harness import pipeline

try:
    run = pipeline.open_run(config)
except pipeline.ConfigError as error:
    raise WorkflowError(f"Configuration refused.\n{error}") from None
run.forget_empty_markers()

RESULTS, FIGURES = str(run.results), str(run.figures)
HARNESS = f"exec {sys.executable} -m harness"
SETTINGS = " ".join(
    f"--{key.replace('_', '-')} {value if isinstance(value, str) else ','.join(value)}"
    for key, value in config.items()
)


wildcard_constraints:
    experiment="[a-z0-9_-]+",
    block=r"\d+",


rule all:
    input:
        f"{RESULTS}/tables/efficiency.csv",
        f"{RESULTS}/machine.json",
        f"{RESULTS}/pyperf/export.done",
        f"{RESULTS}/pyperf/micro.done",
        f"{FIGURES}/figures.done",


rule interpreters:
    output:
        f"{RESULTS}/interpreters.json",
    params:
        names=" ".join(run.config.interpreters),
    shell:
        "{HARNESS} interpreters --json --only {params.names} > {output:q}"


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
    threads: workflow.cores
    priority: lambda wildcards: 1000 - int(wildcards.block)
    shell:
        "{HARNESS} run-block {SETTINGS} --experiment {wildcards.experiment} --block {wildcards.block}"


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
        [str(marker) for marker in run.markers()],
    output:
        f"{RESULTS}/trials.csv",
    params:
        exclusion=run.config.exclusion,
    shell:
        "{HARNESS} collect {SETTINGS} --out {output:q}"


rule machine:
    input:
        rules.interpreters.output,
    output:
        f"{RESULTS}/machine.json",
    shell:
        "{HARNESS} machine --interpreters-json {input:q} --out {output:q}"


rule titles:
    output:
        f"{RESULTS}/titles.json",
    params:
        titles=run.config.titles(),
    run:
        Path(output[0]).write_text(pipeline.to_text(params.titles))


rule tables:
    input:
        trials=rules.trials.output,
        titles=rules.titles.output,
    output:
        f"{RESULTS}/tables/efficiency.csv",
    shell:
        "{HARNESS}.analysis tables --trials {input.trials:q} --titles {input.titles:q}"
        " --out {RESULTS}/tables"


rule figures:
    input:
        trials=rules.trials.output,
        titles=rules.titles.output,
    output:
        touch(f"{FIGURES}/figures.done"),
    shell:
        "{HARNESS}.analysis figures --trials {input.trials:q} --titles {input.titles:q}"
        " --out {FIGURES}"


rule pyperf_export:
    input:
        rules.trials.output,
    output:
        touch(f"{RESULTS}/pyperf/export.done"),
    shell:
        "{HARNESS}.analysis pyperf --trials {input:q} --out {RESULTS}/pyperf"
