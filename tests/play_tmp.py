import sys
from tests.faults.matrix import MATRIX
from tests.faults.__main__ import outcome

names = sys.argv[1].split(",")
ex = sys.argv[2].split(",")
for case in MATRIX:
    if any(n in case.name for n in names):
        for e in ex:
            if e in case.exchanges:
                print(e, case, outcome(case, e), flush=True)
