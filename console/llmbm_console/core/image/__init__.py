"""Boot disks: GPT, FAT32, and what firmware looks for on them."""
