"""From what tasks are to how many workers they need: a closed queueing network.

N workers alternate between a delay (genuine blocking, Z seconds a task) and a CPU station of
capacity c cores (C seconds a task). With a = Z/C, the probability that k workers are at the
station is

    p_k  proportional to  prod_{j=1..k} (N - j + 1) / (a min(j, c))

and the station's utilisation is u(N) = sum_k min(k, c) p_k / c. The network is of product
form, so for c = 1 u(N) = 1 - ErlangB(N, a), and only the means of the times matter to a
processor-sharing station, not their distributions. (F. Baskett et al., J. ACM 22, 1975;
L. Kleinrock, Queueing Systems II, 1976, section 4.)
"""

import math

_RESCALE_ABOVE = 1e150


def utilisation(workers: int, ratio: float, capacity: float) -> float:
    """u(N): the share of ``capacity`` cores that ``workers`` workers keep busy, 0 to 1.

    ``ratio`` is a = Z/C, 0 or more (infinite: tasks that use no CPU); ``capacity`` is c in
    cores, more than 0, and need not be whole. Takes O(``workers``) time.
    """
    if workers <= 0 or math.isinf(ratio):
        return 0.0
    if ratio <= 0:
        return min(workers, capacity) / capacity
    term = total = 1.0
    served = 0.0
    for k in range(1, workers + 1):
        rate = k if k < capacity else capacity
        term *= (workers - k + 1) / (ratio * rate)
        total += term
        served += rate * term
        if term > _RESCALE_ABOVE:
            term /= _RESCALE_ABOVE
            total /= _RESCALE_ABOVE
            served /= _RESCALE_ABOVE
    return served / (total * capacity)


def enough_workers(ratio: float, capacity: float, spare: float, most: int) -> int:
    """N*: the fewest workers, at most ``most``, with u(N) of at least 1 - ``spare``.

    ``spare`` is the share of the CPU's capacity that may stay idle, 0 < spare < 1. Monotone
    in ``ratio``; without blocking it is ``capacity`` rounded up.
    """
    goal = 1.0 - spare
    high = max(1, math.ceil(capacity))
    while high < most and utilisation(high, ratio, capacity) < goal:
        high *= 2
    low = 0
    high = min(high, most)
    # u(N) grows with N: the answer is in (low, high].
    while high - low > 1:
        middle = (low + high) // 2
        if utilisation(middle, ratio, capacity) < goal:
            low = middle
        else:
            high = middle
    return high


def ratio_from_utilisation(workers: int, used: float, capacity: float) -> float:
    """The a = Z/C at which ``workers`` workers keep ``used`` cores of ``capacity`` busy.

    The inverse of :func:`utilisation` in its second argument. It needs nothing but CPU time
    and holds as long as the station is not saturated: near u = 1 every small a explains what
    is seen, and the largest of them is returned.
    """
    share = min(used / capacity, 0.995)
    if share <= 0:
        return math.inf
    low, high = 0.0, max(1.0, workers / used)
    while utilisation(workers, high, capacity) > share:
        high *= 2
    for _ in range(30):
        middle = (low + high) / 2
        if utilisation(workers, middle, capacity) > share:
            low = middle
        else:
            high = middle
    return high
