SUMMARY = "The compiler's own libraries: Debian's compiler finds its own"

inherit stub

PROVIDES = "virtual/compilerlibs virtual/${TARGET_PREFIX}compilerlibs"
PACKAGES = ""
