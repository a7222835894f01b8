"""Numbers as they are read: how many digits, which sign, which unit."""

import math


def three_digits(value: float) -> str:
    """Three digits of a number above 0: 1,319, 1.00, 0.0131; two and a power below 0.001: 5.3e−5."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".") if value >= 1e-3 else _power(value)


def two_digits(value: float) -> str:
    """Two digits, which float16 keeps: 0.82, 0.010."""
    return f"{value:#.2g}" if value >= 1e-4 else "0"


def signed_digits(value: float) -> str:
    """Three digits, with print's minus sign."""
    return f"{value:.3g}".replace("e-0", "e−").replace("-", "−")


def percent(share: float) -> str:
    """A share of something shown: whole percents from 10 % on, tenths below: 42%, 3.1%, < 0.1%."""
    return "< 0.1%" if 0 < share < 0.0005 else f"{share:.1%}" if share < 0.1 else f"{share:.0%}"


def relative_change(value: float) -> str:
    """A relative change in words: percent, a multiple where it is large, a power of ten where it is tiny."""
    if value == 0:
        return "0"
    if value >= 10:
        return f"{value:,.0f} ×"
    return _power(value) if value < 1e-3 else f"{value:.{0 if value >= 0.1 else 1}%}"


def _power(value: float) -> str:
    return f"{value:.1e}".replace("e-0", "e−").replace("e-", "e−")


def bytes_text(amount: float) -> str:
    """Bytes in units of 1,000: 16.4 kB, 0.13 MB, 33.6 MB, 537 MB, 8.6 GB."""
    if amount < 1e5:
        return f"{amount / 1e3:.1f} kB"
    if amount < 999.5e6:
        megabytes = amount / 1e6
        return f"{megabytes:.{2 if megabytes < 1 else 1 if megabytes < 100 else 0}f} MB"
    return f"{amount / 1e9:,.1f} GB"


def tokens_text(HW: float) -> str:
    """A number of tokens, which need not be whole: 768, 104.7."""
    return f"{HW:,.0f}" if HW == int(HW) else f"{HW:,.1f}"


def times(ratio: float) -> str:
    """A ratio with two or three digits: 0.17, 2.3, 12."""
    return f"{ratio:.2f}" if ratio < 0.995 else f"{ratio:.1f}" if ratio < 9.95 else f"{ratio:.0f}"


def on_scale(value: float, largest: float) -> str:
    """A number as a colour bar says it: three figures of the largest, the minus sign of print, no needless zeros."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    largest = abs(largest) if 0 < abs(largest) < math.inf else abs(value) or 1.0
    digits = max(0, 2 - math.floor(math.log10(largest)))
    if digits > 5 or largest >= 1e5:
        text = f"{value:.2e}" if value else "0"
    else:
        text = f"{value:.{digits}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    return ("0" if text in ("-0", "") else text).replace("-", "−")


def decimal(x: float) -> str:
    """With one decimal: 63.9."""
    return f"{x:.1f}"
