"""`llmbm-console image`: a bootable image, and what to do with it."""

from __future__ import annotations

import sys
from pathlib import Path


def make_image(output: Path, model: Path | None, tokenizer: Path | None, config: Path | None) -> int:
    """Writes the image; 1 with the reason on stderr when it cannot be made."""
    from llmbm_console.core.command import command
    from llmbm_console.core.image.boot_image import ImageError, build_image
    from llmbm_console.core.paths import default_model, kernel_image, tokenizer_for
    from llmbm_console.core.sizes import size

    chosen = model or default_model()
    try:
        build_image(output, kernel_image(), chosen, tokenizer_for(chosen, tokenizer), config)
    except ImageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{output}: {size(output.stat().st_size)}, boots {chosen.name}")
    print(f"  in QEMU:      {command('--qemu', '--image', output)}")
    print(f"  USB stick:    dd if={output} of=/dev/sdX bs=4M conv=fsync   (everything on the stick is lost)")
    return 0
