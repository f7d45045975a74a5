using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Client;
using EstProv.Platform;

namespace EstProv.Identity.Tests.Support;

/// <summary>
/// The Certificates Service's side of identities, in memory: what is current, what is staged, what it was told. The device's is
/// <c>device-id</c>; others are in <see cref="Modules"/>.
/// </summary>
internal sealed class MemoryCertd : ICertificateClient
{
    private readonly Lock _gate = new();

    public X509Certificate2? Current { get; set; }

    public X509Certificate2? Staged { get; set; }

    public ProblemException? Unreachable { get; set; }

    public CredentialProblem? Issuing { get; set; }

    /// <summary>What it answers in the place of a certificate.</summary>
    public string? Garbled { get; set; }

    public Dictionary<string, X509Certificate2Collection> Others { get; } = [];

    public List<string> Told { get; } = [];

    /// <summary>By certificate id; each is a credential as the device's is.</summary>
    public Dictionary<string, MemoryCredential> Modules { get; } = [];

    /// <summary>Runs before certd takes a confirmation of a module's certificate.</summary>
    public Action Confirming { get; set; } = static () => { };

    public string? AskedCommonName { get; private set; }

    /// <summary>Stands in for the key in keyd: the handle is the certificate's thumbprint.</summary>
    public X509Certificate2 WithKey(string handle)
    {
        lock (_gate) return Staged?.Thumbprint == handle ? Staged : Current?.Thumbprint == handle ? Current : throw new ProblemException("key_not_found", "no such key", "", 404);
    }

    public string? FindKey(byte[] spki)
    {
        lock (_gate) return Current is { } current && Hash(current).AsSpan().SequenceEqual(spki) ? current.Thumbprint : null;
    }

    public Task<CredentialAnswer> EnsureAsync(string certId, string keyId, string? commonName, TimeSpan wait, CancellationToken cancel)
    {
        lock (_gate)
        {
            AskedCommonName = commonName;
            if (Unreachable is { } problem) throw problem;
            var (staged, current) = (Staged, Current);
            if (certId != "device-id")
            {
                if (!Modules.TryGetValue(certId, out var module))
                    throw new ProblemException("not_configured", $"certificate '{certId}' is not issued here", "", 400);
                if (keyId != certId) throw new ProblemException("key_id", "another key", "", 400);
                (staged, current) = (module.Staged, module.Current);
                module.Asked++;
            }

            var (state, certificate) = staged is not null ? (CredentialState.Staged, staged) : (CredentialState.Current, current);
            return Task.FromResult(certificate is null
                ? new CredentialAnswer(CredentialState.Pending, null, null, Issuing)
                : new CredentialAnswer(state, Garbled ?? certificate.ExportCertificatePem() + "\n", certificate.Thumbprint, null));
        }
    }

    public Task ConfirmAsync(string certId, ReadOnlyMemory<byte> spkiSha256, CancellationToken cancel)
    {
        if (certId != "device-id") return ConfirmModule(certId, spkiSha256);
        lock (_gate)
        {
            if (Staged is null || !Hash(Staged).AsSpan().SequenceEqual(spkiSha256.Span)) throw new ProblemException("key_mismatch", "not staged", "", 409);
            (Current, Staged) = (Staged, null);
            Told.Add("confirmed " + Current.Thumbprint);
        }

        return Task.CompletedTask;
    }

    private Task ConfirmModule(string certId, ReadOnlyMemory<byte> spkiSha256)
    {
        Confirming();
        lock (_gate)
        {
            var module = Modules[certId];
            if (module.Staged is null || !Hash(module.Staged).AsSpan().SequenceEqual(spkiSha256.Span))
                throw new ProblemException("not_staged", "not staged", "", 409);
            (module.Current, module.Staged) = (module.Staged, null);
            Told.Add($"confirmed {certId} {module.Current.Thumbprint}");
        }

        return Task.CompletedTask;
    }

    public Task RefuseAsync(string certId, ReadOnlyMemory<byte> spkiSha256, string reason, CancellationToken cancel)
    {
        lock (_gate)
        {
            Told.Add("refused " + Staged!.Thumbprint);
            Staged = null;
        }

        return Task.CompletedTask;
    }

    public Task<X509Certificate2Collection> GetAsync(string certId, CancellationToken cancel)
    {
        lock (_gate)
        {
            if (certId == "device-id" && Current is not null) return Task.FromResult(new X509Certificate2Collection(X509CertificateLoader.LoadCertificate(Current.RawData)));
            if (Modules.TryGetValue(certId, out var module) && module.Current is { } known)
                return Task.FromResult(new X509Certificate2Collection(X509CertificateLoader.LoadCertificate(known.RawData)));
            if (!Others.TryGetValue(certId, out var found)) throw new ProblemException("certificate_not_found", $"no certificate {certId}", "", 400);
            var copy = new X509Certificate2Collection();
            foreach (var certificate in found) copy.Add(X509CertificateLoader.LoadCertificate(certificate.RawData));
            return Task.FromResult(copy);
        }
    }

    public static string Text(X509Certificate2 certificate) => Convert.ToBase64String(certificate.RawData);

    private static byte[] Hash(X509Certificate2 certificate) => SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo());
}
