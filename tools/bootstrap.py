"""Set up the working tree: environment, compiled kernels and, for the tests, a browser.

``make`` calls this with whatever ``python3`` the machine has, before anything is installed: so it
needs the standard library only, and says what is missing instead of failing somewhere later.
Each step leaves a stamp; a second call with nothing changed returns at once.

    python3 tools/bootstrap.py              .venv, and the project in it
    python3 tools/bootstrap.py --kernels    ... and the engine's kernels compiled
    python3 tools/bootstrap.py --browser    ... and Chromium, for the browser tests
"""

import argparse
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST, NEWEST = (3, 11), (3, 13)
DISK_BYTES = 2 * 1024**3
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def main():
    # A shell that starts us in the background leaves SIGINT ignored, and our children would
    # inherit that: an interrupt must always end an installation.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernels", action="store_true", help="compile the engine's kernels")
    parser.add_argument("--browser", action="store_true", help="install Chromium if missing")
    asked = parser.parse_args()

    use_supported_python()
    install_project()
    if asked.kernels:
        compile_kernels()
    if asked.browser:
        install_chromium()


def use_supported_python():
    """Go on in a supported Python: this one, or another that the machine has."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return
    for minor in range(OLDEST[1], NEWEST[1] + 1):
        other = shutil.which(f"python3.{minor}")
        # Version managers put names on the path that only say "not installed": so run it.
        if other and subprocess.run([other, "-c", ""], stderr=subprocess.DEVNULL).returncode == 0:
            os.execv(other, [other, *sys.argv])
    stop(
        f"AlphaForge needs Python 3.{OLDEST[1]} to 3.{NEWEST[1]}; "
        f"{sys.executable} is {sys.version.split()[0]}.",
        f"Install Python 3.{OLDEST[1]} with its venv module (Debian, Ubuntu: "
        f"apt-get install python3.{OLDEST[1]} python3.{OLDEST[1]}-venv), "
        f"or name one: make PYTHON=/path/to/python3.{OLDEST[1]} ...",
    )


def install_project():
    """Create .venv, install the pinned requirements into it, then the tree itself, editable."""
    extension = sorted((ROOT / "extensions" / "alphaforge-lab" / "labextension").rglob("*.js*"))
    wanted = digest(
        # The built extension is copied into the environment, even from an editable tree.
        [ROOT / "pyproject.toml", ROOT / "requirements.lock", *extension],
        # Moving the tree breaks the scripts' first lines and the editable install.
        extra=str(ROOT),
    )
    stamp = VENV / ".installed"
    if is_current(stamp, wanted):
        return
    check_disk()
    started = time.monotonic()
    if not runs(PYTHON):
        create_venv()
    say("Installing the pinned requirements into .venv (first time: one to three minutes) ...")
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    install_lock([*pip, "--only-binary=:all:", "--progress-bar=off"])
    # The build backend came with the lock: no second, unpinned download for it.
    run(
        [*pip, "--quiet", "--no-deps", "--no-build-isolation", "--editable", ROOT],
        "The project itself could not be installed; pip's own message is above.",
    )
    stamp.write_text(wanted)
    say(f"Installed in {time.monotonic() - started:.0f} s.")


def install_lock(pip):
    """Install the lock; on a terminal, one line that counts instead of pip's hundreds."""
    lock = ROOT / "requirements.lock"
    total = sum(line[:1].isalnum() for line in lock.read_text().splitlines())
    # What pip says once for each pin: fetched, there already, or not for this platform.
    marks = ("Collecting ", "Requirement already satisfied: ", "Ignoring ")
    done = 0
    command = [*pip, "-r", str(lock)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, universal_newlines=True)
    for line in process.stdout:
        done += line.startswith(marks)
        if sys.stdout.isatty():
            unpacking = line.startswith("Installing collected packages")
            doing = "unpacking ..." if unpacking else f"{min(done, total)} of {total} packages"
            print(f"\r  {doing:<30}", end="", flush=True)
    if sys.stdout.isatty():
        print()
    if process.wait():
        stop(
            "The pinned requirements could not be installed; pip's own message is above.",
            "Is the package index reachable? Run make again to go on where it stopped.",
        )


def create_venv():
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    try:
        import ensurepip  # noqa: F401 - is it there?
        import venv  # noqa: F401 - is it there?
    except ImportError:
        stop(
            f"This Python {version} ({sys.executable}) lacks its venv module.",
            f"Debian, Ubuntu: apt-get install python{version}-venv; then run make again.",
        )
    say(f"Creating .venv with Python {sys.version.split()[0]} ...")
    run(
        [sys.executable, "-m", "venv", "--clear", VENV],
        "The virtual environment could not be created; Python's own message is above.",
    )


def compile_kernels():
    """Compile the engine's kernels into the user's cache; a newcomer waits once, with a bar."""
    packages = ("engine", "strategy", "venues")
    sources = [p for name in packages for p in sorted((ROOT / "alphaforge" / name).glob("*.py"))]
    sources.append(ROOT / "alphaforge" / "math.py")
    wanted = digest([*sources, VENV / ".installed"], extra=str(Path.home()))
    stamp = VENV / ".compiled"
    if is_current(stamp, wanted):
        return
    run(
        [VENV / "bin" / "alphaforge", "warm"],
        "The kernels could not be compiled; `.venv/bin/alphaforge doctor` may say why.",
    )
    stamp.write_text(wanted)


def install_chromium():
    """Get Chromium from the system's packages: the browser tests drive a real one."""
    if any(map(shutil.which, CHROMIUM_NAMES)):
        return
    asks = privileged_prefix()
    if shutil.which("apt-get") and asks is not None:
        say("Installing Chromium for the browser tests ...")
        quiet = ["apt-get", "-qq", "-o=Dpkg::Use-Pty=0"]
        install = [*quiet, "install", "--yes", "--no-install-recommends", "chromium"]
        silent = {"stdout": subprocess.DEVNULL}
        environment = [*asks, "env", "DEBIAN_FRONTEND=noninteractive"]
        # An update that fails (one dead mirror) need not stop the installation.
        subprocess.run([*environment, *quiet, "update"], **silent)
        if subprocess.run([*environment, *install], **silent).returncode == 0:
            return
    message = "Chromium is missing: the browser tests can't run."
    cure = "Install it (Debian: apt-get install chromium) and run make again."
    if os.environ.get("CI"):
        stop(message, cure)
    say(f"{message} {cure} They will be skipped.")


def privileged_prefix():
    """Return what to put before a command that needs root, or None where we may not be root."""
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "--non-interactive"]
    allowed = shutil.which("sudo") and subprocess.run(
        [*sudo, "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return sudo if allowed and allowed.returncode == 0 else None


def check_disk():
    free = shutil.disk_usage(str(ROOT)).free
    if free < DISK_BYTES:
        stop(
            f"{ROOT} has {free / 1024**3:.1f} GiB free; the environment needs 2 GiB.",
            "Make room, or clone the project onto another disk.",
        )


def digest(paths, extra):
    total = hashlib.sha256(extra.encode())
    for path in paths:
        total.update(path.read_bytes())
    return total.hexdigest()


def is_current(stamp, wanted):
    return runs(PYTHON) and stamp.exists() and stamp.read_text() == wanted


def runs(python):
    """Whether this interpreter is there and answers: a .venv outlives the Python it was made of."""
    if not python.exists():
        return False
    asked = [str(python), "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    return subprocess.run(asked, stderr=subprocess.DEVNULL).returncode == 0


def run(command, cure):
    code = subprocess.run([str(part) for part in command], cwd=str(ROOT)).returncode
    if code:
        stop(f"`{Path(command[0]).name} {command[1]} ...` failed with exit code {code}.", cure)


def say(message):
    print(message, flush=True)


def stop(message, cure):
    sys.exit(f"\n{message}\n{cure}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nInterrupted; run make again to go on.")
