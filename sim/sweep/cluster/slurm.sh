#!/usr/bin/env bash
# A sweep on a Slurm cluster: a job array that makes a shard in each task, and a job that merges them afterwards.
#
#   bash FILE            submits both, from a folder that all nodes share
#   bash FILE --wait     also waits for the end, and exits as the merge job does; other options of sbatch go to it, too
#
# Whatever happened (a node failed, a task was cancelled): submit it again. Each shard goes on where it was, and those
# that are whole end at once. Partition and account: SBATCH_PARTITION and SBATCH_ACCOUNT, as sbatch reads them.
set -euo pipefail

program={{ program }}
runs=({{ runs }})
out={{ out }}
shards={{ shards }}
cpus={{ cpus }}
# As a task's time ends it stops and queues again, so that a short limit, which is scheduled sooner, loses nothing.
time_limit=1:00:00
memory_per_cpu=1G

submit() {
    if [[ ! -f $0 ]]; then
        echo "error: save this script as a file, which sbatch can read, and run that" >&2
        exit 2
    fi
    mkdir -p "$out/log"
    # Results of different programs are not merged: all shards run this copy, even if the program is replaced meanwhile.
    if [[ ! -e $out/countersign ]]; then
        cp "$program" "$out/countersign.partial"
        mv "$out/countersign.partial" "$out/countersign"
    fi
    local array
    array=$(sbatch --parsable --job-name=countersign-sweep --array="1-$shards" --cpus-per-task="$cpus" \
        --mem-per-cpu="$memory_per_cpu" --time="$time_limit" --signal=B:USR1@120 --requeue --open-mode=append \
        --output="$out/log/shard-%a.txt" "$0" shard)
    # On clusters that are several the answer is ID;CLUSTER.
    array=${array%%;*}
    echo "shards: job $array, a task each; what they say: $out/log"
    echo "result: $out/merged, once the job countersign-merge has run; its exit code is that of the worst run"
    # afterany: a task that failed leaves a gap, which the merger names.
    sbatch --job-name=countersign-merge --dependency="afterany:$array" --time=0:30:00 --open-mode=append \
        --output="$out/log/merge.txt" "$@" "$0" merge
}

shard() {
    local again='' code=0
    # Slurm sends it some time before the limit, and nobody else does: TERM also comes from scancel.
    trap 'again=yes; kill -TERM "${!-}" || :' USR1
    "$out/countersign" sweep "${runs[@]}" --jobs "$cpus" --shard slurm --out "$out/shard-$SLURM_ARRAY_TASK_ID" --exit-zero &
    wait "$!" || code=$?
    if [[ $again ]]; then
        # The signal ended the waiting, not yet the sweep.
        code=0
        wait "$!" || code=$?
        # By array and task: the last task has the array's own id, which stands for all of them.
        if ((code != 0)); then
            scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
        fi
    fi
    exit "$code"
}

merge() {
    local parts=() index
    for ((index = 1; index <= shards; index++)); do
        parts+=("$out/shard-$index")
    done
    exec "$out/countersign" merge "${parts[@]}" --out "$out/merged"
}

case ${1-} in
    shard | merge) "$1" ;;
    *) submit "$@" ;;
esac
