using System.Security.Cryptography.X509Certificates;
using EstProv.Simulator.Faults;

namespace EstProv.Simulator.Tests.Est;

internal sealed class EstFaultTests
{
    [Test]
    public async Task A_certificate_for_another_key()
    {
        var (certificate, order, rig) = await IssueAsync(FaultKind.WrongKey);
        await using var _ = rig;

        Assert.That(certificate.PublicKey.ExportSubjectPublicKeyInfo(), Is.Not.EqualTo(order.Spki));
        Assert.That(certificate.Subject, Is.EqualTo("CN=dev1"));
    }

    [Test]
    public async Task A_certificate_of_another_subject()
    {
        var (certificate, order, rig) = await IssueAsync(FaultKind.WrongSubject);
        await using var _ = rig;

        Assert.That(certificate.Subject, Is.EqualTo("CN=somebody-else"));
        Assert.That(certificate.PublicKey.ExportSubjectPublicKeyInfo(), Is.EqualTo(order.Spki));
    }

    [Test]
    public async Task A_certificate_of_a_ca_that_cacerts_does_not_have()
    {
        var (certificate, _, rig) = await IssueAsync(FaultKind.WrongIssuer);
        await using var __ = rig;

        Assert.That(certificate.Issuer, Is.EqualTo("CN=Stranger CA"));
    }

    [Test]
    public async Task An_expired_certificate()
    {
        var (certificate, _, rig) = await IssueAsync(FaultKind.Expired);
        await using var __ = rig;

        Assert.That(certificate.NotAfter.ToUniversalTime(), Is.LessThan(rig.Host.Clock.Now.UtcDateTime));
    }

    [Test]
    public async Task A_certificate_that_is_not_yet_valid()
    {
        var (certificate, _, rig) = await IssueAsync(FaultKind.NotYetValid);
        await using var __ = rig;

        Assert.That(certificate.NotBefore.ToUniversalTime(), Is.GreaterThan(rig.Host.Clock.Now.UtcDateTime));
    }

    [Test]
    public async Task No_ca_where_one_was_asked()
    {
        await using var rig = await Rig.StartAsync();
        var estId = await rig.EnrollAsync("est-id", "CN=dev1", rig.Bootstrap());
        rig.Host.AddFault(new FaultRule { Kind = FaultKind.NotCa, Label = "device-ca" });

        var authority = await rig.EnrollAsync("device-ca", "CN=dev1 CA", estId);

        Assert.That(authority.Certificate.Extensions.OfType<X509BasicConstraintsExtension>().Single().CertificateAuthority, Is.False);
    }

    [Test]
    public async Task A_ca_where_none_was_asked()
    {
        var (certificate, _, rig) = await IssueAsync(FaultKind.IsCa);
        await using var __ = rig;

        Assert.That(certificate.Extensions.OfType<X509BasicConstraintsExtension>().Single().CertificateAuthority, Is.True);
    }

    [Test]
    public async Task Something_that_is_no_pkcs7_under_the_right_media_type()
    {
        await using var rig = await Rig.StartAsync();
        rig.Host.AddFault(new FaultRule { Kind = FaultKind.NotPkcs7, Count = 1 });
        var client = rig.Client(SimulatorService.Est);

        var bad = await client.GetAsync(EstClient.Path("default", "cacerts"));
        var good = await client.GetAsync(EstClient.Path("default", "cacerts"));

        Assert.That(bad.Content.Headers.ContentType?.MediaType, Is.EqualTo("application/pkcs7-mime"));
        await Assert.ThatAsync(() => EstClient.CertificatesAsync(bad), Throws.InstanceOf<System.Security.Cryptography.CryptographicException>());
        Assert.That(await EstClient.CertificatesAsync(good), Has.Count.EqualTo(2));
    }

    [Test]
    public async Task A_pkcs7_with_nothing_in_it()
    {
        await using var rig = await Rig.StartAsync();
        rig.Host.AddFault(new FaultRule { Kind = FaultKind.EmptyPkcs7 });

        var answer = await rig.Client(SimulatorService.Est).GetAsync(EstClient.Path("default", "cacerts"));

        Assert.That(await EstClient.CertificatesAsync(answer), Is.Empty);
    }

    private static async Task<(X509Certificate2 Certificate, EnrollOrder Order, Rig Rig)> IssueAsync(FaultKind kind)
    {
        var rig = await Rig.StartAsync();
        rig.Host.AddFault(new FaultRule { Kind = kind, Route = "simpleenroll" });
        var order = new EnrollOrder("CN=dev1");
        var answer = await EstClient.EnrollAsync(rig.Client(SimulatorService.Est, rig.Bootstrap()), "est-id", order);
        Assert.That((int)answer.StatusCode, Is.EqualTo(200));
        return ((await EstClient.CertificatesAsync(answer))[0], order, rig);
    }
}
