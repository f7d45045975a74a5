using System.Runtime.InteropServices;
using System.Security.Cryptography;
using EstProv.Platform;

namespace EstProv.Keys.Tls;

/// <summary>The provider's shared object, and what to say when OpenSSL cannot use it.</summary>
internal sealed partial class ProviderModule(string name)
{
    public const string DefaultName = "estprov";

    private const int ModulesFolder = 1003; // OPENSSL_INFO_MODULES_DIR of openssl/crypto.h

    /// <exception cref="ProblemException"><c>provider_missing</c>, <c>provider_failed</c>.</exception>
    public SafeEvpPKeyHandle Open(string uri)
    {
        try
        {
            return SafeEvpPKeyHandle.OpenKeyFromProvider(name, uri);
        }
        catch (Exception cause) when (cause is CryptographicException or PlatformNotSupportedException)
        {
            throw Explain(cause);
        }
    }

    /// <summary>Has OpenSSL load the provider, without any key, beside those that it has (OSSL_PROVIDER_try_load(3)).</summary>
    /// <returns>The path of its file.</returns>
    /// <exception cref="ProblemException"><c>provider_missing</c>, <c>provider_failed</c>.</exception>
    public string Load()
    {
        var path = ModulePath();
        if (path is null || !File.Exists(path)) throw Missing(path, null);
        var provider = TryLoadProvider(0, name, retainFallbacks: 1);
        if (provider == 0)
        {
            throw new ProblemException("provider_failed", $"OpenSSL cannot load {path}",
                "is it built for this machine and this OpenSSL? openssl list -providers -provider estprov", 503);
        }

        _ = UnloadProvider(provider);
        return path;
    }

    private ProblemException Missing(string? path, Exception? cause) => new("provider_missing",
        $"OpenSSL's provider for keys of the Key Service is missing: {path ?? name}",
        "install estprov.so into OpenSSL's ossl-modules folder (openssl version -m), or name its folder in OPENSSL_MODULES", 503, cause);

    private ProblemException Explain(Exception cause)
    {
        var path = ModulePath();
        if (path is null || !File.Exists(path)) return Missing(path, cause);

        return new ProblemException("provider_failed", $"OpenSSL cannot open the key through {path} (error 0x{cause.HResult:x8})",
            "try: openssl pkey -provider default -provider estprov -pubout -in estprov:id=KEY-ID", 503, cause);
    }

    /// <summary>Where OpenSSL looks (provider_load(3)); null when libcrypto does not tell.</summary>
    private string? ModulePath()
    {
        if (Path.IsPathRooted(name)) return name;
        var folder = Environment.GetEnvironmentVariable("OPENSSL_MODULES");
        if (string.IsNullOrEmpty(folder))
        {
            try
            {
                folder = Marshal.PtrToStringUTF8(OpenSslInfo(ModulesFolder));
            }
            catch (Exception failure) when (failure is DllNotFoundException or EntryPointNotFoundException)
            {
                return null;
            }
        }

        return folder is null ? null : Path.Combine(folder, name + ".so");
    }

    [LibraryImport("libcrypto.so.3", EntryPoint = "OSSL_PROVIDER_try_load", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint TryLoadProvider(nint context, string name, int retainFallbacks);

    [LibraryImport("libcrypto.so.3", EntryPoint = "OSSL_PROVIDER_unload")]
    private static partial int UnloadProvider(nint provider);

    /// <summary>OPENSSL_info(3): a static string.</summary>
    [LibraryImport("libcrypto.so.3", EntryPoint = "OPENSSL_info")]
    private static partial nint OpenSslInfo(int type);
}
