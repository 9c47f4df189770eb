"""Two sweeps of one program on this machine, compared: nothing is slower; and four calls for one
are. The machine may be busy: of ten comparisons one may alarm."""
import os
import shutil

from program import end, expect, run
from results_csv import folder

SUITE = os.path.join(folder, "real.suite")
SWEEP = ["bench", "--suite", SUITE, "--threads", "1", "--policy", "cpu-only", "--compare", "all",
         "--compare-limit", "20ms", "--time-budget", "0.1"]


def sweep(name, *words):
    path = os.path.join(folder, name)
    status, _, err = run(*SWEEP, *words, "-o", path)
    expect(status == 0, f"bench {words}: {status} {err}")
    return path


try:
    with open(SUITE, "w", encoding="utf8") as file:
        file.write("gemm m=n=k=32..256*2\ngemm type=bf16 m=n=k=32..256*2\n"
                   "softmax rows=64 cols=64..16384*4\n"
                   "conv2d n=1 c=64 h=w=7..14*2 k=64 r=3 s=3 pad_h=1 pad_w=1\n")
    runs = [sweep(f"{i}.csv") for i in range(5)]
    alarms = 0
    for i, a in enumerate(runs):
        for b in runs[i + 1:]:
            status, out, err = run("compare", a, b)
            expect(status in (0, 1), f"{status} {err}")
            alarms += status
            print(out.splitlines()[0], "|", out.splitlines()[3].strip())
    expect(alarms <= 1, f"{alarms} of 10 comparisons of one program alarm")
    # 4 calls in a request are slower than one, in every cell.
    once, many = sweep("once.csv"), sweep("many.csv", "--iterations", "4")
    with open(many, encoding="utf8", newline="") as file:
        text = file.read()
    with open(many, "w", encoding="utf8", newline="") as file:
        file.write(text.replace(",once,4,", ",once,1,"))
    status, out, _ = run("compare", once, many)
    expect(status == 1 and "all together +" in out.splitlines()[0], f"4 calls for 1: {out}")
finally:
    shutil.rmtree(folder, ignore_errors=True)
end()
