using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Keys.Client;
using EstProv.LocalApi.Client;
using EstProv.Platform;

namespace EstProv.Keys.Tls;

/// <summary>
/// Opens keys of the Key Service for TLS, through the OpenSSL provider <c>estprov</c>: on Linux .NET's TLS is OpenSSL's, and a class of
/// our own derived from ECDsa or RSA would be asked to export its private key.
/// </summary>
/// <remarks>
/// .NET 10 leaks a library context with every key that it opens through a provider, so each key is opened once and kept until
/// <see cref="Forget"/>. Safe from any thread.
/// </remarks>
public sealed class ProviderKeys : IDisposable
{
    private const string EcPublicKey = "1.2.840.10045.2.1";      // RFC 5480 section 2.1.1
    private const string RsaEncryption = "1.2.840.113549.1.1.1"; // RFC 8017 appendix A.1

    private readonly LocalClient _keyd;
    private readonly ProviderModule _module;
    private readonly string _socketPath;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, SafeEvpPKeyHandle> _opened = new(StringComparer.Ordinal);

    /// <param name="keyd">Asked for the public key before the provider is, since .NET drops the provider's own errors.</param>
    /// <param name="keydSocket">The path of keyd's socket, for the provider's own connections.</param>
    /// <param name="module">The provider's name, or an absolute path ending in <c>.so</c>.</param>
    public ProviderKeys(LocalClient keyd, string keydSocket, string module = ProviderModule.DefaultName)
    {
        ArgumentNullException.ThrowIfNull(keyd);
        ArgumentException.ThrowIfNullOrEmpty(keydSocket);
        _keyd = keyd;
        _socketPath = Path.GetFullPath(keydSocket);
        _module = new ProviderModule(module);
    }

    /// <summary>Whether OpenSSL finds and loads the provider.</summary>
    /// <returns>The path of its file.</returns>
    /// <exception cref="ProblemException"><c>provider_missing</c>, <c>provider_failed</c>.</exception>
    public static string LoadProvider() => new ProviderModule(ProviderModule.DefaultName).Load();

    /// <summary>Joins a certificate chain, leaf first, with the key that <paramref name="keyHandle"/> names.</summary>
    /// <exception cref="ProblemException">
    /// <c>key_mismatch</c>: the leaf is for another key; <c>key_kind</c>: neither EC nor RSA; <c>provider_missing</c>,
    /// <c>provider_failed</c>: the OpenSSL provider; and keyd's own, such as <c>keyd_unreachable</c> and <c>key_not_found</c>.
    /// </exception>
    public TlsIdentity Open(string keyHandle, X509Certificate2Collection chain)
    {
        ArgumentNullException.ThrowIfNull(chain);
        if (chain.Count == 0) throw new ArgumentException("the chain is empty", nameof(chain));

        var leaf = chain[0];
        var key = ReadPublicKey(keyHandle);
        if (!key.SubjectPublicKeyInfo.AsSpan().SequenceEqual(leaf.PublicKey.ExportSubjectPublicKeyInfo()))
        {
            throw new ProblemException("key_mismatch", $"the certificate of {leaf.Subject} is not for the key that keyd has under its handle",
                "the certificate and the key must come from one enrolment; check the ids and paths of both", 409);
        }

        // Before it is opened: of a kind that it does not take, OpenSSL says nothing that helps.
        if (leaf.PublicKey.Oid.Value is not (EcPublicKey or RsaEncryption))
        {
            throw new ProblemException("key_kind",
                $"the certificate of {leaf.Subject} is for a key that is neither EC nor RSA, with which TLS is not made here",
                "have it issued for an EC key (ec-p256) or an RSA key (rsa-2048); a preloaded key has to be of such a kind, too", 400);
        }

        var certificate = WithPrivateKey(leaf, OpenKey(key.Handle));
        try
        {
            var intermediates = new X509Certificate2Collection();
            for (var i = 1; i < chain.Count; i++) intermediates.Add(chain[i]);
            return new TlsIdentity(key.Handle, certificate, intermediates);
        }
        catch
        {
            certificate.Dispose();
            throw;
        }
    }

    /// <summary>The same with a chain as PEM, leaf first.</summary>
    public TlsIdentity Open(string keyHandle, ReadOnlySpan<char> chainPem)
    {
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(chainPem);
        return Open(keyHandle, chain);
    }

    /// <summary>Closes a key that will not be used again, such as one that was retired. No error when it is not open.</summary>
    public void Forget(string keyHandle)
    {
        SafeEvpPKeyHandle? opened;
        lock (_gate)
        {
            if (!_opened.Remove(keyHandle, out opened)) return;
        }

        opened.Dispose();
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var opened in _opened.Values) opened.Dispose();
            _opened.Clear();
        }
    }

    private KeyReference ReadPublicKey(string keyHandle)
    {
        var reply = _keyd.Send("GET", $"/publickey?handle={Uri.EscapeDataString(keyHandle)}&api-version=2021-05-01",
            accept: "application/octet-stream");
        var pinned = reply.Header("Estprov-Key-Handle") ?? throw new ProblemException("keyd_bad_answer",
            "the Key Service gave an answer without a key handle", "its version does not fit this program's", 502);
        return new KeyReference(pinned, reply.Body);
    }

    private static X509Certificate2 WithPrivateKey(X509Certificate2 leaf, SafeEvpPKeyHandle handle)
    {
        if (leaf.PublicKey.Oid.Value == EcPublicKey)
        {
            using var ec = new ECDsaOpenSsl(handle);
            return leaf.CopyWithPrivateKey(ec);
        }

        using var rsa = new RSAOpenSsl(handle);
        return leaf.CopyWithPrivateKey(rsa);
    }

    private SafeEvpPKeyHandle OpenKey(string pinnedHandle)
    {
        // Within the lock: two openings of one key would leak twice.
        lock (_gate)
        {
            if (_opened.TryGetValue(pinnedHandle, out var opened)) return opened;
            opened = _module.Open($"estprov:{Uri.EscapeDataString(pinnedHandle)}?socket={Uri.EscapeDataString(_socketPath)}");
            _opened.Add(pinnedHandle, opened);
            return opened;
        }
    }
}
