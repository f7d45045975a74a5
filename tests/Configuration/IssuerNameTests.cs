using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Configuration.Certd;

namespace EstProv.Configuration.Tests;

internal sealed class IssuerNameTests
{
    private static readonly string Hash = new('a', 64);

    [TestCase("CN=Old CA, O=Example", IssuerNameKind.Subject, "CN=Old CA,O=Example")]
    [TestCase("CN=Old CA,O=Example", IssuerNameKind.Subject, "CN=Old CA,O=Example")]
    public void A_subject_is_one_however_it_is_spaced(string text, IssuerNameKind kind, string value) =>
        Assert.That((IssuerName.Parse(text)!.Kind, IssuerName.Parse(text)!.Value), Is.EqualTo((kind, value)));

    [Test]
    public void Hashes_are_taken_as_openssl_prints_them()
    {
        var colons = string.Join(':', Enumerable.Repeat("AA", 32));
        Assert.That(IssuerName.Parse(colons), Is.EqualTo(IssuerName.Parse(Hash)));
        Assert.That(IssuerName.Parse("spki:" + colons)!.ToString(), Is.EqualTo("spki:" + Hash));
        Assert.That(IssuerName.Parse(IssuerName.Parse("spki:" + Hash)!.ToString()), Is.EqualTo(IssuerName.Parse("SPKI:" + Hash)), "what it prints is what it reads");
    }

    [TestCase("")]
    [TestCase("Old CA")]
    [TestCase("spki:CN=x")]
    [TestCase("aa")]
    [TestCase("CN=x\ny")]
    public void What_names_nothing_is_refused(string text) => Assert.That(IssuerName.Parse(text), Is.Null);

    [Test]
    public void Each_form_finds_its_certificate_and_no_other()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var first = Make("CN=Old CA, O=Example", key);
        using var again = Make("CN=Old CA, O=Example, C=DE", key);
        var fingerprint = IssuerName.Parse(Convert.ToHexString(SHA256.HashData(first.RawData)))!;
        var spki = IssuerName.Parse("spki:" + Convert.ToHexString(SHA256.HashData(key.ExportSubjectPublicKeyInfo())))!;
        var subject = IssuerName.Parse(first.Subject)!;
        Assert.That((fingerprint.Names(first), fingerprint.Names(again)), Is.EqualTo((true, false)));
        Assert.That((spki.Names(first), spki.Names(again)), Is.EqualTo((true, true)));
        Assert.That((subject.Names(first), subject.Names(again)), Is.EqualTo((true, false)));
    }

    private static X509Certificate2 Make(string subject, ECDsa key) =>
        new CertificateRequest(subject, key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(1));
}
