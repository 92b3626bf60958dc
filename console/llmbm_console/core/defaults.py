"""What holds where a person names nothing else: the speeds of a line, and how many of the likeliest tokens are told."""

from __future__ import annotations

SPEEDS = (115200, 9600, 57600, 38400)  # of serial lines in bits per second, the likeliest first
CHOICES = 12  # of the likeliest tokens with each token: half of a serial line at 30 tokens a second
MOST_CHOICES = 20  # that a kernel tells (protocol/SPEC.md, section 9)
