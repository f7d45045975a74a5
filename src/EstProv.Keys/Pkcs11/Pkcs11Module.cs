using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EstProv.Platform;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.LowLevelAPI80;

namespace EstProv.Keys.Pkcs11;

/// <summary>The vendor's PKCS#11 library, loaded and initialised.</summary>
internal sealed class Pkcs11Module : IDisposable
{
    static Pkcs11Module()
    {
        // Pkcs11Interop imports from 'libdl', which is bound at link time under AOT. Elsewhere it has to be found, and glibc has only left
        // a libdl.so.2.
        if (!RuntimeFeature.IsDynamicCodeSupported) return;
        NativeLibrary.SetDllImportResolver(typeof(Pkcs11Library).Assembly, static (name, _, _) =>
            name == "libdl" && NativeLibrary.TryLoad("libdl.so.2", out var library) ? library : IntPtr.Zero);
    }

    private Pkcs11Module(string path, Pkcs11Library library)
    {
        Path = path;
        Library = library;
    }

    public string Path { get; }

    public Pkcs11Library Library { get; }

    /// <exception cref="ProblemException"><c>module_missing</c>, <c>module_permission</c>, <c>module_architecture</c>,
    /// <c>module_not_a_library</c>, <c>module_not_pkcs11</c>, <c>module_load</c>, <c>module_initialize</c>.</exception>
    public static Pkcs11Module Load(string path)
    {
        ElfHeader.Check(path);
        Pkcs11Library library;
        // Pkcs11Interop would only say that a symbol is missing. Held until it has the library too, so that it is loaded once.
        var held = NativeLibrary.TryLoad(path, out var handle);
        try
        {
            if (held && !NativeLibrary.TryGetExport(handle, "C_GetFunctionList", out _)) throw NotPkcs11(path);
            library = new Pkcs11Library(path);
        }
        catch (UnmanagedException cause)
        {
            throw NotLoaded(path, cause);
        }
        catch (Exception cause) when (cause is Pkcs11Exception or ArgumentException or OverflowException)
        {
            throw new ProblemException("module_load", $"the PKCS#11 module {path} hands out no functions (C_GetFunctionList fails)",
                "check the module's own configuration, and that it is of version 2.20 or later", 503, cause);
        }
        finally
        {
            if (held) NativeLibrary.Free(handle);
        }

        try
        {
            Initialize(path, library);
            return new Pkcs11Module(path, library);
        }
        catch
        {
            library.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _ = Library.C_Finalize(IntPtr.Zero);
        Library.Dispose();
    }

    private static void Initialize(string path, Pkcs11Library library)
    {
        var arguments = new CK_C_INITIALIZE_ARGS { Flags = CKF.CKF_OS_LOCKING_OK };
        SystemRefusal.Forget();
        var result = library.C_Initialize(arguments);
        if (result == CKR.CKR_CRYPTOKI_ALREADY_INITIALIZED)
        {
            // Nobody else in this process uses it: an earlier C_Finalize has failed, and what was wrong in that life would go on.
            _ = library.C_Finalize(IntPtr.Zero);
            SystemRefusal.Forget();
            result = library.C_Initialize(arguments);
        }

        if (result is CKR.CKR_OK or CKR.CKR_CRYPTOKI_ALREADY_INITIALIZED) return;
        throw result switch
        {
            CKR.CKR_CANT_LOCK or CKR.CKR_NEED_TO_CREATE_THREADS => new ProblemException("module_initialize",
                $"the PKCS#11 module {path} cannot be used by several threads (C_Initialize: {Pkcs11Problem.Name(result)})",
                "ask the vendor for a module that supports CKF_OS_LOCKING_OK", 503),
            _ when SystemRefusal.Happened => SystemRefusal.Explain("initialising the token's module (C_Initialize)", $"the PKCS#11 module {path}"),
            _ => new ProblemException("module_initialize",
                $"the PKCS#11 module {path} could not be initialised (C_Initialize: {Pkcs11Problem.Name(result)})",
                "check the module's own configuration and that the Key Service's user may open its device or files", 503),
        };
    }

    private static ProblemException NotPkcs11(string path) => new("module_not_pkcs11",
        $"{path} is a library but not a PKCS#11 module: it has no C_GetFunctionList",
        "lib_path must name the PKCS#11 module of the token's vendor", 503);

    private static ProblemException NotLoaded(string path, UnmanagedException cause)
    {
        // The detail is dlerror's text, which names the missing dependency or symbol.
        const string Detail = "Error detail: ";
        var at = cause.Message.IndexOf(Detail, StringComparison.Ordinal);
        var detail = at < 0 ? "no reason given" : cause.Message[(at + Detail.Length)..].Trim();
        return new ProblemException("module_load", $"the PKCS#11 module {path} could not be loaded: {detail}",
            "install the libraries that the module needs (see ldd)", 503, cause);
    }
}
