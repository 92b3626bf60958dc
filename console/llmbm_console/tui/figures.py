"""Numbers as people read them: three significant digits, a unit, and no false precision."""

from __future__ import annotations

from llmbm_console.core.durations import duration
from llmbm_console.core.sizes import scaled, size, size_pair

__all__ = ["brief_size", "clock", "cycles", "duration", "exact", "percent", "rate", "size", "size_pair", "throughput"]

MILLION = 1_000_000


def cycles(count: int) -> str:
    """Processor cycles: 241M, 1.75G."""
    return _scaled(count, 1000, ("", "k", "M", "G", "T", "P"))


def brief_size(count: int) -> str:
    """Bytes in binary units, in four characters or so: 2.7M."""
    value, unit = scaled(float(count), 1024, ("B", "K", "M", "G", "T"))
    return f"{value:.1f}{unit}" if value < 10 and unit != "B" else f"{value:.0f}{unit}"


def exact(count: int) -> str:
    """A count in full with thin grouping: 60,816,028."""
    return f"{count:,}"


def rate(per_second: float) -> str:
    """Tokens per second."""
    return f"{per_second:.0f} tok/s" if per_second >= 100 else f"{per_second:.1f} tok/s"


def throughput(mb_s: int, read_mb_s: int) -> str:
    """What decoding reads, in GB/s of 10^9 bytes, and its share of reading the weights alone where that is known."""
    share = f", {percent(mb_s / read_mb_s)} of reading" if read_mb_s else ""
    return f"{mb_s / 1000:.3g} GB/s{share}"


def clock(seconds: float) -> str:
    """Time that runs: 0:42, or 1:01:05."""
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def percent(fraction: float) -> str:
    """A share: 71 %. Never rounds up to 100 % what is not full."""
    value = fraction * 100
    if 99 <= value < 100:
        return "99 %"
    return f"{value:.0f} %" if value < 9999.5 else ">9999 %"


def _scaled(count: int, base: int, units: tuple[str, ...]) -> str:
    value, unit = scaled(float(count), base, units)
    if not unit:
        return str(count)
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f}{unit}"
