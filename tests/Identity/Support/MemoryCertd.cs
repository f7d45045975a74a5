using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Client;
using EstProv.Platform;

namespace EstProv.Identity.Tests.Support;

/// <summary>The Certificates Service's side of a device identity, in memory: what is current, what is staged, what it was told.</summary>
internal sealed class MemoryCertd : ICertificateClient
{
    private readonly Lock _gate = new();

    public X509Certificate2? Current { get; set; }

    public X509Certificate2? Staged { get; set; }

    public ProblemException? Unreachable { get; set; }

    public CredentialProblem? Issuing { get; set; }

    public Dictionary<string, X509Certificate2Collection> Others { get; } = [];

    public List<string> Told { get; } = [];

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
            var (state, certificate) = Staged is not null ? (CredentialState.Staged, Staged) : (CredentialState.Current, Current);
            return Task.FromResult(certificate is null
                ? new CredentialAnswer(CredentialState.Pending, null, null, Issuing)
                : new CredentialAnswer(state, certificate.ExportCertificatePem() + "\n", certificate.Thumbprint, null));
        }
    }

    public Task ConfirmAsync(string certId, ReadOnlyMemory<byte> spkiSha256, CancellationToken cancel)
    {
        lock (_gate)
        {
            if (Staged is null || !Hash(Staged).AsSpan().SequenceEqual(spkiSha256.Span)) throw new ProblemException("key_mismatch", "not staged", "", 409);
            (Current, Staged) = (Staged, null);
            Told.Add("confirmed " + Current.Thumbprint);
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
            if (!Others.TryGetValue(certId, out var found)) throw new ProblemException("certificate_not_found", $"no certificate {certId}", "", 400);
            var copy = new X509Certificate2Collection();
            foreach (var certificate in found) copy.Add(X509CertificateLoader.LoadCertificate(certificate.RawData));
            return Task.FromResult(copy);
        }
    }

    public static string Text(X509Certificate2 certificate) => Convert.ToBase64String(certificate.RawData);

    private static byte[] Hash(X509Certificate2 certificate) => SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo());
}
