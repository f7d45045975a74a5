using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Support;
using EstProv.Configuration.Certd;
using EstProv.Messages;
using EstProv.Simulator;
using EstProv.Simulator.Faults;

namespace EstProv.Certificates.Tests.Engine;

/// <summary>What an EST server wants to see in a request (csrattrs) is done where it can be done, and costs nobody his identity where it cannot.</summary>
public sealed class CsrAttributesTests
{
    private const string P384 = "MDIGCSqGSIb3DQEJBzASBgcqhkjOPQIBMQcGBSuBBAAiBgcrBgEBAQEWBggqhkjOPQQDAw=="; // the example of RFC 9908
    private const string Rsa4096 = "MCkGCSqGSIb3DQEJBzARBgkqhkiG9w0BAQExBAICEAAGCSqGSIb3DQEBCw==";
    private const string Ed25519 = "MAUGAytlcA==";
    private static readonly TimeSpan Life = TimeSpan.FromDays(90);

    [Test]
    public async Task The_key_that_the_server_asks_for_is_made()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Simulator.SetCsrAttributes("device-id", P384);
        device.Start();

        Assert.That(device.Provision().GetECDsaPublicKey()!.KeySize, Is.EqualTo(384));
        Assert.That(device.Current("est-id")!.KeyAlgorithm, Is.EqualTo("EC P-256"), "another label");
        Assert.That(device.Keyd.Count("device-id"), Is.EqualTo(1), "the key that was made before the server could be asked is gone");
    }

    [Test]
    public async Task A_renewal_makes_the_right_key_at_once()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Simulator.SetCsrAttributes("est-id", P384);
        device.Start();
        device.Provision();
        var before = device.Keyd.Generated;

        device.Advance(0.76 * Life);

        Assert.That(device.Current("est-id")!.KeyAlgorithm, Is.EqualTo("EC P-384"));
        Assert.That(device.Keyd.Generated - before, Is.EqualTo(2), "one for each certificate");
        Assert.That(device.Asked, Has.Some.EqualTo("simplereenroll/est-id 200"));
    }

    [Test]
    public async Task A_key_that_the_server_asks_for_and_its_TLS_does_not_take_gives_way_to_the_usual_one()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Simulator.SetCsrAttributes("est-id", P384);
        // The bootstrap identity's connections are the first two; then come those that are to prove the new identity.
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.TlsAlert, Service = SimulatorService.Est, Skip = 2, Count = 2 });
        device.Start();
        device.Ensure("device-id");
        for (var i = 0; i < 30; i++) device.Advance(TimeSpan.FromSeconds(2));

        Assert.That(device.Current("est-id")!.KeyAlgorithm, Is.EqualTo("EC P-256"));
        Assert.That(device.Events.Count("dropped", "est-id"), Is.EqualTo(1));
        Assert.That(device.Keyd.Count("est-id"), Is.EqualTo(1));
    }

    [Test]
    public async Task A_staged_key_of_another_kind_makes_room()
    {
        await using var device = await TestDevice.CreateAsync();
        var fault = device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Status, Service = SimulatorService.Est, Label = "device-id", Route = "simpleenroll", Status = 500 });
        device.Start();
        device.Ensure("device-id");
        device.AwaitIdle();
        device.Simulator.SetCsrAttributes("device-id", P384);
        device.Simulator.Faults.Remove(fault);

        device.Advance(TimeSpan.FromMinutes(11));

        Assert.That(device.Provision().GetECDsaPublicKey()!.KeySize, Is.EqualTo(384));
        Assert.That(device.Keyd.Count("device-id"), Is.EqualTo(1));
    }

    [TestCase("ec-p256", 256)]
    [TestCase("rsa-2048:ec-p384", 384, TestName = "Of_what_is_configured_the_server_may_choose")]
    public async Task A_configured_key_algorithm_wins(string configured, int bits)
    {
        await using var device = await TestDevice.CreateAsync();
        Configure(device, TestDevice.By(IssuanceMethod.Est, configured) with { KeyAlgorithmIsConfigured = true });
        device.Simulator.SetCsrAttributes("device-id", P384);
        device.Start();

        Assert.That(device.Provision().GetECDsaPublicKey()!.KeySize, Is.EqualTo(bits));
    }

    [TestCase(Ed25519, "Ed25519", "est_csrattrs_unsatisfied-kind")]
    [TestCase(Rsa4096, "rsaEncryption with 4096 bits", "est_csrattrs_unsatisfied-key",
        TestName = "A_key_that_the_token_cannot_make_is_told_and_the_next_attempt_does_without")]
    public async Task What_cannot_be_had_is_told_and_the_next_attempt_does_without(string attributes, string named, string name)
    {
        await using var device = await TestDevice.CreateAsync();
        device.Keyd.Missing.Add("rsa-4096");
        device.Simulator.SetCsrAttributes("device-id", attributes);
        device.Start();

        var answer = device.Ensure("device-id");

        Message.Shown(name, answer.Problem!.AsShown());
        Assert.That(answer.Problem!.Message, Does.Contain(named).And.Contain("csrattrs"));
        device.Advance(TimeSpan.FromMinutes(1));
        Assert.That(device.Provision().GetECDsaPublicKey()!.KeySize, Is.EqualTo(256));
    }

    [TestCase("AAAA", TestName = "Garbage_is_no_hindrance")]
    [TestCase("MAgxBgYEVR0PBQA=", TestName = "A_set_where_none_may_be_is_no_hindrance")]
    [TestCase("MBUwEwYLKoZIhvcNAQkQAj0xBDACBQA=", TestName = "A_template_that_is_none_is_no_hindrance")]
    public async Task Bad_attributes_are_no_hindrance(string attributes)
    {
        await using var device = await TestDevice.CreateAsync();
        device.Simulator.SetCsrAttributes("device-id", attributes);
        device.Start();
        device.Provision();
    }

    [TestCase(401)]
    [TestCase(403)]
    [TestCase(404)]
    [TestCase(500)]
    public async Task A_server_that_refuses_its_attributes_may_enrol_all_the_same(int status)
    {
        await using var device = await TestDevice.CreateAsync();
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Status, Service = SimulatorService.Est, Label = "device-id", Route = "csrattrs", Status = status });
        device.Start();
        device.Provision();
    }

    [Test]
    public async Task A_server_that_is_busy_is_left_alone_once_and_then_does_without()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Status, Service = SimulatorService.Est, Label = "device-id", Route = "csrattrs", Status = 503, RetryAfter = 7 });
        device.Start();

        Assert.That(device.Ensure("device-id").Problem!.Code, Is.EqualTo("est_busy"));
        device.AwaitIdle();
        Assert.That(device.Asked, Has.None.StartsWith("simpleenroll/device-id"));
        device.Advance(TimeSpan.FromMinutes(1));
        device.Provision();
    }

    [Test]
    public async Task Attributes_are_asked_for_every_ten_minutes_at_most()
    {
        await using var device = await TestDevice.CreateAsync();
        var fault = device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Status, Service = SimulatorService.Est, Label = "device-id", Route = "simpleenroll", Status = 500 });
        device.Start();
        device.Ensure("device-id");
        for (var i = 0; i < 9; i++) device.Advance(TimeSpan.FromMinutes(1));

        Assert.That(device.Asked.Count(asked => asked == "simpleenroll/device-id 500"), Is.GreaterThan(2));
        Assert.That(device.Asked.Count(asked => asked == "csrattrs/device-id 204"), Is.EqualTo(1));
        device.Simulator.Faults.Remove(fault);
        device.Advance(TimeSpan.FromMinutes(6));
        Assert.That(device.Asked.Count(asked => asked == "csrattrs/device-id 204"), Is.EqualTo(2));
    }

    [Test]
    public async Task A_template_fills_the_request_and_a_configured_name_stays()
    {
        await using var device = await TestDevice.CreateAsync();
        device.MakeBootstrap("bootstrap", "bootstrap.cer", "CN=device-1, SERIALNUMBER=4711");
        Configure(device, TestDevice.By(IssuanceMethod.Est, name: "registration-1"));
        device.Simulator.SetCsrAttributes("device-id", Template("CN=other", null, "2.5.4.10", "Factory"));
        device.Simulator.SetCsrAttributes("est-id", Template(null, "2.5.4.5", "2.5.4.10", "Factory"));
        device.Start();

        Assert.That(device.Provision().Subject, Is.EqualTo("O=Factory, CN=registration-1"));
        Assert.That(device.Served("est-id").Subject, Is.EqualTo("O=Factory, SERIALNUMBER=4711, CN=device-1"));
    }

    [Test]
    public async Task A_part_of_the_name_that_nobody_knows_is_told_by_name()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Simulator.SetCsrAttributes("device-id", Template(null, "2.5.4.5", "2.5.4.10", "Factory"));
        device.Start();

        var problem = device.Ensure("device-id").Problem!;

        Message.Shown("est_csrattrs_unsatisfied-subject", problem.AsShown());
        Assert.That(problem.Message, Does.Contain("serialNumber in the subject"));
    }

    /// <summary>Kinds of string, order and SAN: the simulator compares bytes.</summary>
    [Test]
    public async Task Reenrolment_keeps_subject_and_alternative_names_byte_by_byte_whatever_the_attributes_say()
    {
        await using var device = await TestDevice.CreateAsync(bootstrap: false);
        var (subject, names) = (OddName(), OddNames());
        var key = device.Keyd.Preload("est-id");
        var request = new CertificateRequest(subject, (ECDsa)key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(names);
        var certificate = device.Simulator.Issuer.Issue(
            new EstProv.Simulator.Pki.IssueOrder
            {
                Request = EstProv.Simulator.Pki.SigningRequest.Parse(request.CreateSigningRequest()),
                Issuer = device.Simulator.Pki.Identity,
                Profile = EstProv.Simulator.Est.EstProfile.Client,
                Validity = Life,
                Label = "est-id",
                Operation = "by hand",
                EstIdentity = true,
                AlternativeNames = names.RawData,
            },
            device.Time.GetUtcNow());
        await File.WriteAllTextAsync(device.FileOf("est-id.cer"), PemText.Of([certificate, device.Simulator.Pki.Identity.Certificate]));
        device.Configuration = device.Configuration with
        {
            Est = device.Configuration.Est! with { BootstrapIdentityCert = null, BootstrapIdentityPk = null },
            PreloadedFiles = new Dictionary<string, EstProv.Configuration.Positioned<string>>(device.Configuration.PreloadedFiles)
            {
                ["est-id"] = TestDevice.At(device.FileOf("est-id.cer")),
            },
        };
        device.Simulator.SetCsrAttributes("est-id", Template("CN=other", null, "2.5.4.10", "Factory"));
        device.Start();
        device.Provision();

        device.Advance(0.76 * Life);

        Assert.That(device.Asked, Has.Some.EqualTo("simplereenroll/est-id 200"));
        var renewed = device.Served("est-id");
        Assert.That(renewed.RawData, Is.Not.EqualTo(certificate.RawData));
        Assert.That(renewed.SubjectName.RawData, Is.EqualTo(subject.RawData));
        Assert.That(renewed.Extensions["2.5.29.17"]!.RawData, Is.EqualTo(names.RawData));
    }

    private static void Configure(TestDevice device, CertificateIssuance deviceId) => device.Configuration = device.Configuration with
    {
        Issuance = new Dictionary<string, CertificateIssuance>(device.Configuration.Issuance) { ["device-id"] = deviceId },
    };

    /// <summary>A PrintableString, an UTF8String in an RDN of two, a BMPString; not in the order in which anybody would write them.</summary>
    private static X500DistinguishedName OddName()
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            Part(writer, ("2.5.4.3", UniversalTagNumber.PrintableString, "device-1"));
            Part(writer, ("2.5.4.10", UniversalTagNumber.UTF8String, "Fabrik"), ("2.5.4.11", UniversalTagNumber.PrintableString, "Halle 3"));
            Part(writer, ("2.5.4.6", UniversalTagNumber.PrintableString, "DE"));
            Part(writer, ("2.5.4.7", UniversalTagNumber.BMPString, "Köln"));
        }

        return new X500DistinguishedName(writer.Encode());
    }

    private static X509Extension OddNames()
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteCharacterString(UniversalTagNumber.IA5String, "urn:dev:1", new Asn1Tag(TagClass.ContextSpecific, 6));
            writer.WriteCharacterString(UniversalTagNumber.IA5String, "device-1.example", new Asn1Tag(TagClass.ContextSpecific, 2));
        }

        return new X509Extension("2.5.29.17", writer.Encode(), critical: false);
    }

    private static void Part(AsnWriter writer, params (string Type, UniversalTagNumber Kind, string Value)[] values)
    {
        using (writer.PushSetOf())
        {
            foreach (var (type, kind, value) in values)
            {
                using (writer.PushSequence())
                {
                    writer.WriteObjectIdentifier(type);
                    writer.WriteCharacterString(kind, value);
                }
            }
        }
    }

    /// <summary>A template with a common name (given, or to be filled in), perhaps a part to be filled in, and a given part.</summary>
    private static string Template(string? commonName, string? open, string given, string value)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier("1.2.840.113549.1.9.16.2.61");
            using (writer.PushSetOf())
            using (writer.PushSequence())
            {
                writer.WriteInteger(0);
                using (writer.PushSequence())
                {
                    if (commonName is not null) Part(writer, ("2.5.4.3", UniversalTagNumber.UTF8String, commonName[3..]));
                    else Open(writer, "2.5.4.3");
                    if (open is not null) Open(writer, open);
                    Part(writer, (given, UniversalTagNumber.UTF8String, value));
                }

                writer.PushSetOf(new Asn1Tag(TagClass.ContextSpecific, 1));
                writer.PopSetOf(new Asn1Tag(TagClass.ContextSpecific, 1));
            }
        }

        return Convert.ToBase64String(writer.Encode());
    }

    private static void Open(AsnWriter writer, string type)
    {
        using (writer.PushSetOf())
        using (writer.PushSequence()) writer.WriteObjectIdentifier(type);
    }
}
