using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Tls;
using EstProv.Messages;
using EstProv.Platform;

namespace EstProv.Keys.Tests;

/// <summary>What another daemon is told when a key behind keyd cannot be had for TLS.</summary>
public sealed class TlsKeyTests
{
    private SoftHsm _token;
    private KeydUnderTest _keyd;

    [SetUp]
    public void Start()
    {
        _token = new SoftHsm();
        _keyd = new KeydUnderTest();
        _keyd.Configure($"""
            [pkcs11]
            "lib_path" = "{SoftHsm.Module}"
            "base_slot" = "{_token.TokenUri}"
            """);
        _keyd.Start();
    }

    [TearDown]
    public void Stop()
    {
        _keyd.Dispose();
        _token.Dispose();
    }

    [Test]
    public void A_certificate_for_another_key_is_told()
    {
        var other = _keyd.Client.CreateKeyPair("est-id", "ec-p256").SubjectPublicKeyInfo;
        _keyd.Shown("key_mismatch", Refusal("ec-p256", "/nonexistent/estprov.so", other));
    }

    [Test]
    public void A_kind_of_key_that_TLS_does_not_take_is_told_before_the_key_is_opened() =>
        _keyd.Shown("key_kind", Refusal("ed25519", "/nonexistent/estprov.so"));

    [Test]
    public void A_provider_that_is_not_there_is_told() => _keyd.Shown("provider_missing", Refusal("ec-p256", "/nonexistent/estprov.so"));

    [Test]
    public void A_provider_that_OpenSSL_cannot_load_is_told()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["estprov.so"], "no library");
        var problem = Refusal("ec-p256", folder["estprov.so"]);
        // OpenSSL's number for it is another in every release.
        var number = problem.Message[problem.Message.IndexOf("0x", StringComparison.Ordinal)..].TrimEnd(')');
        Message.Shown("provider_failed", problem, (folder.Path, "/usr/lib/ossl-modules"), (number, "NUMBER"));
        Environment.SetEnvironmentVariable("OPENSSL_MODULES", folder.Path);
        try
        {
            // libcrypto looks where it was built to, and does not have it there either.
            problem = Assert.Throws<ProblemException>(static () => ProviderKeys.LoadProvider())!;
            Message.Shown("provider_failed-load", problem, (folder.Path, "/usr/lib/ossl-modules"));
        }
        finally
        {
            Environment.SetEnvironmentVariable("OPENSSL_MODULES", null);
        }
    }

    /// <param name="spki">The certificate's; that of the key where none is given.</param>
    private ProblemException Refusal(string algorithm, string module, byte[]? spki = null)
    {
        var key = _keyd.Client.CreateKeyPair("device-id", algorithm);
        using var issuer = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var certified = PublicKey.CreateFromSubjectPublicKeyInfo(spki ?? key.SubjectPublicKeyInfo, out _);
        var request = new CertificateRequest(new X500DistinguishedName("CN=device-1"), certified, HashAlgorithmName.SHA256);
        using var certificate = request.Create(new X500DistinguishedName("CN=Example CA"), X509SignatureGenerator.CreateForECDsa(issuer),
            DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100), [1]);
        using var keys = new ProviderKeys(_keyd.Http, _keyd.Socket, module);
        return Assert.Throws<ProblemException>(() => keys.Open(key.Handle, [certificate]))!;
    }
}
