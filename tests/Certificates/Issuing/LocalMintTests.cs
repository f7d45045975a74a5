using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Support;
using EstProv.Contract.Tests.Stores;
using EstProv.Est;
using EstProv.Messages;
using EstProv.Platform;
using EstProv.Platform.Time;
using Microsoft.Extensions.Time.Testing;

namespace EstProv.Certificates.Tests.Issuing;

public sealed class LocalMintTests
{
    private static readonly DateTimeOffset Now = new(2027, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [TestCase("ec-p256")]
    [TestCase("rsa-2048")]
    public void Openssl_verifies_a_minted_chain_and_finds_the_extensions(string algorithm)
    {
        using var folder = new TemporaryFolder();
        using var world = new World(algorithm);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("edge.local");

        var chain = world.Mint(CertificateProfile.Server, names.Build());

        File.WriteAllText(folder["root.pem"], world.Root.ExportCertificatePem());
        File.WriteAllText(folder["ca.pem"], world.Ca.ExportCertificatePem());
        File.WriteAllText(folder["leaf.pem"], PemText.Of(chain));
        Assert.That(OpenSsl.Run("verify", "-x509_strict", "-attime", Now.ToUnixTimeSeconds().ToString(), "-purpose", "sslserver", "-CAfile", folder["root.pem"], "-untrusted", folder["ca.pem"], folder["leaf.pem"]),
            Does.Contain("OK"));
        var text = OpenSsl.Run("x509", "-in", folder["leaf.pem"], "-noout", "-text");
        Assert.That(text, Does.Contain("CA:FALSE").And.Contain("DNS:edge.local").And.Contain("TLS Web Server Authentication").And.Contain("Digital Signature")
            .And.Contain("Subject Key Identifier").And.Contain("Authority Key Identifier"));
    }

    [Test]
    public void Serial_numbers_are_random_positive_and_of_160_bits_at_most()
    {
        var serials = Enumerable.Range(0, 1000).Select(_ => LocalMint.NewSerialNumber()).ToList();
        Assert.That(serials, Has.All.Length.EqualTo(20));
        Assert.That(serials.Select(serial => serial[0]), Has.All.InRange(1, 0x7F));
        Assert.That(serials.Select(Convert.ToHexString).Distinct().Count(), Is.EqualTo(1000));
    }

    [Test]
    public void A_certificate_starts_some_minutes_ago_and_ends_within_its_issuer()
    {
        using var world = new World("ec-p256");
        var leaf = world.Mint(CertificateProfile.Client)[0];
        Assert.That(leaf.NotBefore.ToUniversalTime(), Is.EqualTo(Now.UtcDateTime.AddMinutes(-5)));
        Assert.That(leaf.NotAfter.ToUniversalTime(), Is.EqualTo(Now.UtcDateTime + LocalMint.Lifetime));

        world.Time.Advance(TimeSpan.FromDays(360));
        Assert.That(world.Mint(CertificateProfile.Client)[0].NotAfter, Is.EqualTo(world.Ca.NotAfter));
    }

    [Test]
    public void The_start_is_not_before_the_issuers()
    {
        using var world = new World("ec-p256", caStart: Now.AddMinutes(-1));
        Assert.That(world.Mint(CertificateProfile.Client)[0].NotBefore, Is.EqualTo(world.Ca.NotBefore));
    }

    [Test]
    public void By_a_clock_that_is_not_believed_a_certificate_lives_as_long_as_its_issuer()
    {
        using var world = new World("ec-p256");
        world.Time.AdjustTime(DateTimeOffset.UnixEpoch.AddSeconds(30));
        var leaf = world.Mint(CertificateProfile.Client)[0];
        Assert.That(leaf.NotAfter, Is.EqualTo(world.Ca.NotAfter));
        Assert.That(leaf.NotBefore, Is.GreaterThanOrEqualTo(world.Ca.NotBefore));
    }

    [Test]
    public void An_expired_ca_and_one_that_is_none_sign_nothing()
    {
        using var world = new World("ec-p256");
        world.Time.Advance(TimeSpan.FromDays(400));
        Assert.That(() => world.Mint(CertificateProfile.Client), Throws.TypeOf<ProblemException>().With.Property("Code").EqualTo("device_ca_expired"));

        using var none = new World("ec-p256", isCa: false);
        Assert.That(() => none.Mint(CertificateProfile.Client), Throws.TypeOf<ProblemException>().With.Property("Code").EqualTo("device_ca_unusable"));
    }

    [TestCase("ec-p256")]
    [TestCase("rsa-2048")]
    public void A_self_signed_ca_and_what_it_signs_are_verified_by_openssl(string algorithm)
    {
        using var folder = new TemporaryFolder();
        using var world = new World(algorithm);
        var root = world.SelfSign(CertificateProfile.Ca, pathLength: 1);
        var (sub, subKey) = world.MintCa(root, world.Key, pathLength: 5);
        var leaf = world.Mint(CertificateProfile.Client, under: new LocalCa([sub], subKey))[0];

        File.WriteAllText(folder["root.pem"], root.ExportCertificatePem());
        File.WriteAllText(folder["sub.pem"], sub.ExportCertificatePem());
        File.WriteAllText(folder["leaf.pem"], leaf.ExportCertificatePem());
        Assert.That(OpenSsl.Run("verify", "-x509_strict", "-check_ss_sig", "-attime", Now.ToUnixTimeSeconds().ToString(), "-purpose", "sslclient", "-CAfile", folder["root.pem"],
            "-untrusted", folder["sub.pem"], folder["leaf.pem"]), Does.Contain("OK"));
        var text = OpenSsl.Run("x509", "-in", folder["root.pem"], "-noout", "-text");
        Assert.That(text, Does.Contain("CA:TRUE, pathlen:1").And.Contain("Certificate Sign, CRL Sign").And.Contain("Subject Key Identifier").And.Not.Contain("Extended Key Usage"));
        Assert.That(OpenSsl.Run("x509", "-in", folder["sub.pem"], "-noout", "-text"), Does.Contain("CA:TRUE, pathlen:0"), "no more than its issuer leaves");
    }

    [TestCase("sslclient")]
    [TestCase("sslserver")]
    public void A_self_signed_end_entity_is_verified_by_openssl(string purpose)
    {
        var profile = purpose == "sslserver" ? CertificateProfile.Server : CertificateProfile.Client;
        using var folder = new TemporaryFolder();
        using var world = new World("ec-p256");
        var leaf = world.SelfSign(profile);
        File.WriteAllText(folder["leaf.pem"], leaf.ExportCertificatePem());
        Assert.That(OpenSsl.Run("verify", "-x509_strict", "-check_ss_sig", "-attime", Now.ToUnixTimeSeconds().ToString(), "-purpose", purpose, "-CAfile", folder["leaf.pem"], folder["leaf.pem"]),
            Does.Contain("OK"));
        Assert.That(leaf.NotAfter.ToUniversalTime(), Is.EqualTo(Now.UtcDateTime + LocalMint.Lifetime));
    }

    [Test]
    public void A_ca_whose_path_length_is_used_up_signs_no_ca()
    {
        using var world = new World("ec-p256");
        var problem = Assert.Throws<ProblemException>(() => world.MintCa(world.Ca, world.Key, pathLength: 0))!;
        Message.Shown("device_ca_unusable-path-length", problem);
    }

    [Test]
    public void The_days_of_the_configuration_are_kept_within_the_issuers()
    {
        using var world = new World("ec-p256");
        Assert.That(world.Mint(CertificateProfile.Client, days: 90)[0].NotAfter.ToUniversalTime(), Is.EqualTo(Now.UtcDateTime.AddDays(90)));
        Assert.That(world.Mint(CertificateProfile.Client, days: 36_500)[0].NotAfter, Is.EqualTo(world.Ca.NotAfter));
        Assert.That(world.SelfSign(CertificateProfile.Ca, days: 36_500).NotAfter.ToUniversalTime(), Is.EqualTo(Now.UtcDateTime.AddDays(36_500)));
        Assert.That(world.SelfSign(CertificateProfile.Ca).NotAfter.ToUniversalTime(), Is.EqualTo(Now.UtcDateTime + LocalMint.LifetimeOfSelfSignedCa));
    }

    [Test]
    public void By_a_clock_that_is_not_believed_a_self_signed_certificate_is_not_over_when_the_clock_is_right()
    {
        using var world = new World("ec-p256");
        world.Time.AdjustTime(DateTimeOffset.UnixEpoch.AddSeconds(30));
        Assert.That(world.SelfSign(CertificateProfile.Client, days: 1).NotAfter.ToUniversalTime(), Is.GreaterThan(Now.UtcDateTime.AddDays(1)));
    }

    /// <summary>A root, and under it a CA whose key is in keyd.</summary>
    private sealed class World : IDisposable
    {
        private readonly SoftKeyd _keyd = new();
        private readonly BelievedClock _clock;

        public World(string algorithm, bool isCa = true, DateTimeOffset? caStart = null)
        {
            Time = new FakeTimeProvider(Now);
            _clock = new BelievedClock(Time, Now.AddDays(-20));
            Key = KeySigner.Of(_keyd, _keyd.CreateKeyPair("device-ca", algorithm));
            using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP384);
            var root = new CertificateRequest("CN=root", rootKey, HashAlgorithmName.SHA384);
            root.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            root.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
            root.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(root.PublicKey, false));
            Root = root.CreateSelfSigned(Now.AddYears(-1), Now.AddYears(10));
            var content = CertificateProfiles.Content(isCa ? CertificateProfile.Ca : CertificateProfile.Client, new X500DistinguishedName("CN=device CA"), null);
            var request = CertificateSigningRequests.ToRequest(content, Key);
            request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
            request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(Root, true, false));
            Ca = request.Create(Root.SubjectName, X509SignatureGenerator.CreateForECDsa(rootKey), caStart ?? Now.AddDays(-10), Now.AddDays(365), LocalMint.NewSerialNumber());
        }

        public FakeTimeProvider Time { get; }

        public X509Certificate2 Root { get; }

        public X509Certificate2 Ca { get; }

        public RemoteSignatureGenerator Key { get; }

        public X509Certificate2Collection Mint(CertificateProfile profile, X509Extension? names = null, int? days = null, LocalCa? under = null)
        {
            using var leaf = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var order = new MintOrder(PublicKey.CreateFromSubjectPublicKeyInfo(leaf.ExportSubjectPublicKeyInfo(), out _), new X500DistinguishedName("CN=leaf"), profile, names)
            {
                Lifetime = days is { } known ? TimeSpan.FromDays(known) : null,
            };
            return LocalMint.Mint(under ?? new LocalCa([Ca], Key), order, _clock);
        }

        public (X509Certificate2 Certificate, RemoteSignatureGenerator Key) MintCa(X509Certificate2 issuer, RemoteSignatureGenerator issuerKey, int pathLength)
        {
            var key = KeySigner.Of(_keyd, _keyd.CreateKeyPair("sub", "ec-p256"));
            var order = new MintOrder(key.PublicKey, new X500DistinguishedName("CN=sub"), CertificateProfile.Ca) { PathLength = pathLength };
            return (LocalMint.Mint(new LocalCa([issuer], issuerKey), order, _clock)[0], key);
        }

        public X509Certificate2 SelfSign(CertificateProfile profile, int pathLength = 0, int? days = null)
        {
            var order = new MintOrder(Key.PublicKey, new X500DistinguishedName("CN=self"), profile)
            {
                Lifetime = days is { } known ? TimeSpan.FromDays(known) : null,
                PathLength = pathLength,
            };
            return LocalMint.SelfSign(order, Key, _clock);
        }

        public void Dispose() => _keyd.Dispose();
    }
}
