# Checks Ed25519 signatures (RFC 8032, 5.1), with the SHA-512 that no port has. Nothing here is
# secret, so nothing has to take constant time.
#
# Points are (X, Y, Z, T): x = X/Z, y = Y/Z, x y = T/Z (RFC 8032, 5.1.4).

_P = (1 << 255) - 19
_ORDER = (1 << 252) + 27742317777372353535851937790883648493
_D = 37095705934669439343138083508754565189542113879843219016388785533085940283555
_D2 = 2 * _D % _P
_ROOT = 19681161376707505956807079304988542015446066515923890162744021073123829784752  # of -1
_BASE = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
    1,
    46827403850823179245072216630277197565144205554125654976674165829533817101731,
)
_64 = (1 << 64) - 1


def verify(key, message, signature):
    """Tell whether `signature` (64 bytes) of `message` was made with the private key of `key`.

    Refuses also what honest signers never make: points of small order, numbers out of range.
    """
    if len(key) != 32 or len(signature) != 64:
        return False
    a = _decode(key)
    s = int.from_bytes(signature[32:], "little")
    if a is None or _is_small(a) or s >= _ORDER:
        return False
    r = bytes(signature[:32])
    h = int.from_bytes(sha512(r, key, message), "little") % _ORDER
    minus_a = (_P - a[0], a[1], 1, _P - a[3])
    found = _sum_of_products(s, _BASE, h, minus_a)
    return not _is_small(found) and _encode(found) == r


def _sum_of_products(m, p, n, q):
    """Return m p + n q, both at once."""
    both = _add(p, q)
    found = (0, 1, 1, 0)
    for bit in range(252, -1, -1):
        found = _double(found)
        if m >> bit & 1:
            found = _add(found, both if n >> bit & 1 else p)
        elif n >> bit & 1:
            found = _add(found, q)
    return found


def _add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = p[3] * _D2 % _P * q[3] % _P
    d = 2 * p[2] * q[2] % _P
    e = b - a
    f = d - c
    g = d + c
    h = b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _double(p):
    a = p[0] * p[0] % _P
    b = p[1] * p[1] % _P
    h = a + b
    xy = p[0] + p[1]
    e = h - xy * xy % _P
    g = a - b
    f = 2 * p[2] * p[2] % _P + g
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _is_small(p):
    """Tell whether 8 p is the neutral point."""
    for _ in range(3):
        p = _double(p)
    return p[0] == 0 and p[1] == p[2]


def _encode(p):
    inverse = pow(p[2], _P - 2, _P)
    x = p[0] * inverse % _P
    y = p[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _decode(data):
    """Return the point, None if there is none (RFC 8032, 5.1.3)."""
    y = int.from_bytes(data, "little")
    sign = y >> 255
    y &= (1 << 255) - 1
    if y >= _P:
        return None
    u = (y * y - 1) % _P
    v = (_D * y * y + 1) % _P
    v3 = v * v * v % _P
    x = u * v3 * pow(u * v3 * v3 * v % _P, (_P - 5) // 8, _P) % _P
    found = v * x * x % _P
    if found != u:
        if found != _P - u:
            return None
        x = x * _ROOT % _P
    if x == 0 and sign:
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


def _roots(power):
    """Yield the first 64 bits of the fractions of the primes' roots (FIPS 180-4, 4.2.3, 5.3.5)."""
    primes = []
    candidate = 2
    while len(primes) < 80:
        if all(candidate % prime for prime in primes):
            primes.append(candidate)
            yield _root(candidate << 64 * power, power) & _64
        candidate += 1


def _root(n, power):
    low, high = 0, 1 << 70
    while high - low > 1:
        middle = (low + high) >> 1
        if middle**power <= n:
            low = middle
        else:
            high = middle
    return low


def sha512(*parts):
    """Return the SHA-512 of some bytes one behind the other (FIPS 180-4, 6.4)."""
    keys = list(_roots(3))
    state = []
    for value in _roots(2):
        state.append(value)
        if len(state) == 8:
            break
    words = [0] * 80
    block = bytearray(128)  # a heap that was in use for long has no room for copies of it all
    size = 0
    for part in parts:
        for value in memoryview(part):
            block[size & 127] = value
            size += 1
            if not size & 127:
                _compress(state, keys, words, block)
    n = size & 127
    block[n:] = b"\x80" + bytes(127 - n)
    if n > 111:
        _compress(state, keys, words, block)
        block[:] = bytes(128)
    block[112:] = (8 * size).to_bytes(16, "big")
    _compress(state, keys, words, block)
    return b"".join([value.to_bytes(8, "big") for value in state])


def _compress(state, keys, words, block):
    for i in range(16):
        words[i] = int.from_bytes(block[8 * i : 8 * i + 8], "big")
    for i in range(16, 80):
        # A word twice in a row: its rotations are shifts of that.
        x = words[i - 15]
        xx = x << 64 | x
        y = words[i - 2]
        yy = y << 64 | y
        words[i] = (
            words[i - 16]
            + ((xx >> 1 ^ xx >> 8 ^ x >> 7) & _64)
            + words[i - 7]
            + ((yy >> 19 ^ yy >> 61 ^ y >> 6) & _64)
        ) & _64
    a, b, c, d, e, f, g, h = state
    for i in range(80):
        ee = e << 64 | e
        aa = a << 64 | a
        t = h + ((ee >> 14 ^ ee >> 18 ^ ee >> 41) & _64) + (g ^ e & (f ^ g)) + keys[i] + words[i]
        h = g
        g = f
        f = e
        e = (d + t) & _64
        d = c
        u = ((aa >> 28 ^ aa >> 34 ^ aa >> 39) & _64) + (a & b | c & (a | b))
        c = b
        b = a
        a = (t + u) & _64
    for i, value in enumerate((a, b, c, d, e, f, g, h)):
        state[i] = (state[i] + value) & _64
