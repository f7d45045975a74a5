using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Client;
using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Support;
using EstProv.Configuration.Certd;
using EstProv.Simulator;
using EstProv.Simulator.Faults;

namespace EstProv.Certificates.Tests.Issuing;

/// <summary>Subjects of several attributes, and alternative names, of credentials whose key is in keyd.</summary>
public sealed class SubjectTests
{
    private static readonly SubjectField[] Factory = [Field("L", "AQ"), Field("ST", "Antarctica"), Field("O", "Example"), Field("CN", "device-7")];

    [TestCase(IssuanceMethod.Est)]
    [TestCase(IssuanceMethod.DeviceCa)]
    [TestCase(IssuanceMethod.SelfSigned)]
    public async Task Pain_iis_455_and_ie_6579_no_field_of_the_subject_is_dropped(IssuanceMethod method)
    {
        await using var device = await TestDevice.CreateAsync();
        device.Issue(("device-id", TestDevice.By(method, name: "device-7") with { Subject = Factory }));
        device.Start();

        var leaf = device.Provision();

        Assert.That(InOrder(leaf), Is.EqualTo("L=AQ ST=Antarctica O=Example CN=device-7"));
        device.Restart();
        device.Advance(TimeSpan.FromHours(1));
        Assert.That(device.Events.Count("issued", "device-id"), Is.EqualTo(1), "the same name is no reason for another certificate");
    }

    [Test]
    public async Task The_est_identity_renews_itself_with_every_field_and_name()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Issue(("est-id", TestDevice.By(IssuanceMethod.Est, name: "device-7") with { Subject = Factory, AlternativeNames = [AlternativeName.Parse("DNS:device-7.example.com")!] }));
        device.Start();
        device.Provision();
        device.Advance(TimeSpan.FromDays(70));
        Assert.That(device.Asked, Has.Some.StartsWith("simplereenroll/est-id 200"));
        Assert.That(InOrder(device.Served("est-id")), Is.EqualTo("L=AQ ST=Antarctica O=Example CN=device-7"));
        Assert.That(device.Served("est-id").Extensions["2.5.29.17"]!.Format(false), Does.Contain("device-7.example.com"));
    }

    [Test]
    public async Task A_subject_without_a_name_gets_the_callers()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Issue(("device-id", TestDevice.By(IssuanceMethod.Est) with { Subject = Factory[..3] }));
        device.Start();
        var answer = device.Ensure("device-id", "device-8");
        Assert.That(answer.State, Is.EqualTo(CredentialState.Staged), () => $"{answer.Problem}");
        Assert.That(InOrder(PemText.Parse(answer.ChainPem!)[0]), Is.EqualTo("L=AQ ST=Antarctica O=Example CN=device-8"));
    }

    [Test]
    public async Task A_changed_subject_brings_a_new_certificate()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Start();
        device.Provision();
        device.Stop();
        device.Issue(("device-id", TestDevice.By(IssuanceMethod.Est) with { Subject = Factory[..3] }));
        device.Start();
        device.AwaitIdle();
        Assert.That(InOrder(device.Provision()), Is.EqualTo("L=AQ ST=Antarctica O=Example CN=device-1"));
        device.Stop();
        device.Issue(("device-id", TestDevice.By(IssuanceMethod.Est)));
        device.Start();
        device.AwaitIdle();
        Assert.That(InOrder(device.Provision()), Is.EqualTo("CN=device-1"));
    }

    [Test]
    public async Task Another_subject_than_asked_for_is_taken_and_logged()
    {
        await using var device = await TestDevice.CreateAsync();
        var log = new ListLog();
        device.Log = log;
        device.Issue(("device-id", TestDevice.By(IssuanceMethod.Est, name: "device-7") with { Subject = Factory }));
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.WrongSubject, Service = SimulatorService.Est, Label = "device-id", Count = 1 });
        device.Start();

        var leaf = device.Provision();

        Assert.That(InOrder(leaf), Does.Not.Contain("Antarctica"));
        Assert.That(log.Lines, Has.Some.Contains("the subject asked for was").And.Contains("Antarctica"));
    }

    private static string InOrder(X509Certificate2 certificate) => string.Join(' ',
        certificate.SubjectName.EnumerateRelativeDistinguishedNames(reversed: false).Select(part => $"{part.GetSingleElementType().FriendlyName switch { "S" => "ST", { } name => name, _ => "?" }}={part.GetSingleElementValue()}"));

    private static SubjectField Field(string name, string value) => new(SubjectAttributeType.Find(name)!.Oid, value);
}
