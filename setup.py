"""What setup.cfg cannot say: the C library, the wheel's tag and the editable installation.

The library of mambatrack.kernels.cpu holds no part of Python or torch and is opened with ctypes:
one for every version. Without a compiler, or where it fails, one line says so and the package
installs without it.
"""

import itertools
import os
import platform
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import shorten

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.command.editable_wheel import editable_wheel

FLAGS = [
    "-std=gnu11", "-O3", "-g0", "-fPIC", "-fvisibility=hidden", "-ffp-contract=fast",
    "-fno-math-errno", "-fno-trapping-math",
]  # fmt: skip
SOURCES = {  # of every instruction set
    "kernels/cpu/variant.c": [],
    "kernels/cpu/frame.c": ["-ffp-contract=off"],  # numpy has two roundings
    "kernels/cpu/overlap_frame.c": ["-ffp-contract=off"],
    "kernels/cpu/looks.c": ["-ffp-contract=off"],
}
VARIANTS = {
    "avx512": ["-mavx512f", "-mavx2", "-mfma", "-mprefer-vector-width=512"],
    "avx2": ["-mavx2", "-mfma"],
    "baseline": [],
}


class BuildLibrary(build_ext):
    """Translation units of their own for every instruction set, linked to one library."""

    def get_ext_filename(self, name: str) -> str:
        return f"{name.replace('.', '/')}.so"

    def build_extension(self, extension: Extension) -> None:
        try:
            self._compile(extension)
        except (Exception, SystemExit) as error:
            reason = shorten(str(error) or type(error).__name__, 100)
            print(f"mambatrack: no C library, the torch loop does its work ({reason})")

    def _compile(self, extension: Extension) -> None:
        detect, *sources = extension.sources
        if self.compiler.compiler_type != "unix":
            raise RuntimeError(f"needs gcc or clang, not {self.compiler.compiler_type}")
        on_x86 = platform.machine().lower() in ("x86_64", "amd64")
        only_x86 = on_x86 and "arm64" not in self.compiler.compiler_so  # not a universal build
        objects = self.compiler.compile([detect], output_dir=self.build_temp, extra_postargs=FLAGS)

        def compiled(unit: tuple[str, list[str], str]) -> list[str]:
            name, flags, source = unit
            return self.compiler.compile(
                [source],
                output_dir=f"{self.build_temp}/{name}",
                extra_postargs=[*FLAGS, *flags, *SOURCES[source], f"-DVARIANT={name}"],
                depends=extension.depends,
            )

        variants = VARIANTS.items() if only_x86 else [("baseline", [])]
        units = [(name, flags, source) for source in sources for name, flags in variants]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            objects += itertools.chain.from_iterable(pool.map(compiled, units))
        self.compiler.link_shared_object(
            objects, self.get_ext_fullpath(extension.name), libraries=["m"]
        )


class PlatformWheel(bdist_wheel):
    """For one platform, but for every Python 3: the library knows nothing of Python."""

    def get_tag(self) -> tuple[str, str, str]:
        return ("py3", "none", super().get_tag()[2])


class EditableWheel(editable_wheel):
    """The checkout on the import path, by a .pth file, which type checkers follow as well.

    mambatrack/kernels, mambatrack/detectors and mambatrack/configs are links. Where a checkout has
    none (Windows without symbolic links), setuptools' import hook finds the packages instead:
    mambatrack runs, but type checkers do not see it.
    """

    def finalize_options(self) -> None:
        super().finalize_options()
        if Path("mambatrack/kernels/__init__.py").is_file():
            self.package_dir = {"": "."}


setup(
    ext_modules=[
        Extension(
            "mambatrack.kernels.cpu.libmambatrack",
            ["kernels/cpu/detect.c", *SOURCES],
            optional=True,  # an editable installation does without it as well
            depends=sorted(map(str, Path("kernels/cpu").glob("*.h"))),
        )
    ],
    cmdclass={
        "build_ext": BuildLibrary,
        "bdist_wheel": PlatformWheel,
        "editable_wheel": EditableWheel,
    },
)
