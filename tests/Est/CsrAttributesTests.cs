using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Messages;
using EstProv.Platform;

namespace EstProv.Est.Tests;

/// <summary>CSR attributes: RFC 7030 section 4.5.2, RFC 8951 section 3.5, RFC 9908. The encoded ones are examples of RFC 9908 and libest's own.</summary>
public sealed class CsrAttributesTests
{
    private const string EcExample = "MDIGCSqGSIb3DQEJBzASBgcqhkjOPQIBMQcGBSuBBAAiBgcrBgEBAQEWBggqhkjOPQQDAw==";
    private const string RsaExample = "MCkGCSqGSIb3DQEJBzARBgkqhkiG9w0BAQExBAICEAAGCSqGSIb3DQEBCw==";
    private const string ManyExample = "MEUGCSqGSIb3DQEJBzASBgcqhkjOPQIBMQcGBSuBBAAjBgkqhkiG9w0BCRQGCgmSJomT8ixkAQUGA1UEBQYIKoZIzj0EAwQ=";
    private const string LibEst = "MCYGBysGAQEBARYGCSqGSIb3DQEJBwYFK4EEACIGCWCGSAFlAwQCAg==";

    [TestCase(EcExample, true, "ec-p384", "SHA384", "1.3.6.1.1.1.1.22")]
    [TestCase(RsaExample, true, "rsa-4096", "SHA256", "")]
    [TestCase(ManyExample, true, "ec-p521", "SHA512", "1.2.840.113549.1.9.20 0.9.2342.19200300.100.1.5 2.5.4.5")]
    [TestCase(LibEst, true, "ec-p384", "SHA384", "1.3.6.1.1.1.1.22")]
    [TestCase("MAkGByqGSM49AgE=", false, "ec-p256 ec-p384 ec-p521", null, "")]
    [TestCase("MA0wCwYHKoZIzj0CATEA", false, "ec-p256 ec-p384 ec-p521", null, "")]
    [TestCase("MAUGAytlcA==", false, "", null, "")]
    public void A_legacy_list_is_read(string base64, bool challengePassword, string algorithms, string? hash, string ignored)
    {
        var attributes = CsrAttributes.Parse(Convert.FromBase64String(base64));

        Assert.Multiple(() =>
        {
            Assert.That(attributes.IsTemplate, Is.False);
            Assert.That(attributes.RequestsChallengePassword, Is.EqualTo(challengePassword));
            Assert.That(attributes.Keys, Has.Count.EqualTo(1));
            Assert.That(string.Join(' ', attributes.Keys[0].Algorithms), Is.EqualTo(algorithms));
            Assert.That(attributes.Hash?.Name, Is.EqualTo(hash));
            Assert.That(string.Join(' ', attributes.Ignored), Is.EqualTo(ignored));
        });
    }

    [Test]
    public void Nothing_is_none()
    {
        Assert.That(CsrAttributes.Parse(null), Is.SameAs(CsrAttributes.None));
        Assert.That(CsrAttributes.Parse([0x30, 0]).Keys, Is.Empty);
    }

    /// <summary>The example of RFC 9908 section 3.4.</summary>
    [Test]
    public void A_template_is_read_and_filled_and_wins_over_what_stands_beside_it()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var attributes = CsrAttributes.Parse(List(
            list => Oid(list, "1.2.840.113549.1.9.7"), list => Oid(list, "1.3.132.0.34"), list => Oid(list, "1.2.840.10045.4.3.4"), list => Example(list)));

        Assert.That(attributes.IsTemplate, Is.True);
        Assert.That(attributes.RequestsChallengePassword, Is.False, "only the template counts");
        Assert.That(attributes.Keys.Select(demand => demand.What), Is.EqualTo(["id-ecPublicKey with secp256r1"]));

        var (request, notes) = Make(attributes, key, wish => wish with { Address = () => IPAddress.Parse("192.0.2.7") });

        Assert.That(notes, Is.Empty);
        Assert.That(request.SubjectName.Name, Is.EqualTo("OU=myGroup, OU=myDept, CN=device-1"));
        var names = (X509SubjectAlternativeNameExtension)request.CertificateExtensions.Single(extension => extension.Oid!.Value == "2.5.29.17");
        names = new X509SubjectAlternativeNameExtension(names.RawData);
        Assert.That(names.EnumerateDnsNames(), Is.EqualTo(["www.myServer.com"]));
        Assert.That(names.EnumerateIPAddresses(), Is.EqualTo(new[] { IPAddress.Parse("192.0.2.7") }));
        var usage = request.CertificateExtensions.Single(extension => extension.Oid!.Value == "2.5.29.15");
        Assert.That(usage.Critical, Is.True);
        Assert.That(new X509KeyUsageExtension(usage, true).KeyUsages, Is.EqualTo(X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyAgreement));
        Assert.That(request.CertificateExtensions.Select(extension => extension.Oid!.Value), Is.EquivalentTo(["2.5.29.15", "2.5.29.37", "2.5.29.17"]));
    }

    [Test]
    public void Without_an_address_the_template_is_not_satisfied_and_what_is_missing_is_named()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var attributes = CsrAttributes.Parse(List(list => Example(list)));

        var problem = Assert.Throws<ProblemException>(() => Make(attributes, key))!;

        Assert.That(problem.Code, Is.EqualTo("est_csrattrs_unsatisfied"));
        Assert.That(problem.Message, Does.Contain("an iPAddress in the subjectAltName"));
        Message.Shown("est_csrattrs_unsatisfied", problem);
        var (request, notes) = Make(attributes, key, wish => wish with { Lenient = true });
        Assert.That(notes, Has.Count.EqualTo(1).And.Some.Contains("an iPAddress"));
        Assert.That(request.CertificateExtensions.Select(extension => extension.Oid!.Value), Has.Some.EqualTo("2.5.29.17"));
    }

    [Test]
    public void Re_enrolment_keeps_subject_and_alternative_names_whatever_the_template_says()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var (request, _) = Make(CsrAttributes.Parse(List(list => Example(list))), key, wish => wish with { KeepsNames = true });

        Assert.That(request.SubjectName.Name, Is.EqualTo("CN=device-1"));
        Assert.That(request.CertificateExtensions.Select(extension => extension.Oid!.Value), Has.None.EqualTo("2.5.29.17"));
    }

    [TestCase(false, "other")]
    [TestCase(true, "device-1")]
    public void A_given_common_name_is_taken_unless_one_is_configured(bool configured, string expected)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var attributes = CsrAttributes.Parse(List(list => Template(list, subject: name => Part(name, "2.5.4.3", "other"))));

        var (request, notes) = Make(attributes, key, wish => wish with { NameIsConfigured = configured });

        Assert.That(request.SubjectName.Name, Is.EqualTo($"CN={expected}"));
        Assert.That(notes, Has.Count.EqualTo(configured ? 1 : 0));
    }

    [Test]
    public void A_part_of_the_name_comes_from_the_certificate_that_is_shown()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var attributes = CsrAttributes.Parse(List(list => Template(list, subject: name => Part(name, "2.5.4.5", null))));

        var problem = Assert.Throws<ProblemException>(() => Make(attributes, key))!;
        Assert.That(problem.Message, Does.Contain("serialNumber in the subject"));
        Message.Shown("est_csrattrs_unsatisfied-subject", problem);
        var (request, _) = Make(attributes, key, wish => wish with { KnownSubject = new X500DistinguishedName("CN=x, SERIALNUMBER=4711") });
        Assert.That(request.SubjectName.Name, Is.EqualTo("SERIALNUMBER=4711"), "RDNs that the template does not have stay away");
    }

    [TestCase(2048, "rsa-2048")]
    [TestCase(4096, "rsa-4096")]
    [TestCase(1024, "")]
    public void The_placeholder_of_an_RSA_key_tells_its_size(int bits, string algorithm)
    {
        var placeholder = new AsnWriter(AsnEncodingRules.DER);
        using (placeholder.PushSequence())
        {
            var modulus = new byte[bits / 8];
            modulus[0] = 0x80;
            placeholder.WriteIntegerUnsigned(modulus);
            placeholder.WriteInteger(65537);
        }

        var attributes = CsrAttributes.Parse(List(list => Template(list, key: info =>
        {
            using (info.PushSequence())
            {
                info.WriteObjectIdentifier("1.2.840.113549.1.1.1");
                info.WriteNull();
            }

            info.WriteBitString(placeholder.Encode());
        })));

        Assert.That(attributes.Keys.Select(demand => string.Join(' ', demand.Algorithms)), Is.EqualTo([algorithm]));
    }

    [Test]
    public void Nobody_is_made_a_CA_and_no_CA_is_unmade()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var asks = CsrAttributes.Parse(List(list => Request(list, Extension("2.5.29.19", [0x30, 0x03, 0x01, 0x01, 0xFF]), Extension("2.5.29.15", [0x03, 0x02, 0x07, 0x80]))));

        var (client, notes) = Make(asks, key);
        Assert.That(client.CertificateExtensions.Select(extension => extension.Oid!.Value), Has.None.EqualTo("2.5.29.19"));
        Assert.That(notes, Has.Count.EqualTo(1));
        var (ca, _) = Make(asks, key, wish => wish with { Content = wish.Content with { Ca = true, PathLength = 0, KeyUsage = null } });
        var usage = new X509KeyUsageExtension(ca.CertificateExtensions.Single(extension => extension.Oid!.Value == "2.5.29.15"), true);
        Assert.That(usage.KeyUsages, Is.EqualTo(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign));
    }

    [Test]
    public void Given_extensions_are_taken_over_as_they_are()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] value = [0x0C, 0x02, 0x68, 0x69];
        var (request, _) = Make(CsrAttributes.Parse(List(list => Request(list, Extension("1.3.6.1.4.1.99999.1", value, critical: true)))), key);

        var extension = request.CertificateExtensions.Single(extension => extension.Oid!.Value == "1.3.6.1.4.1.99999.1");
        Assert.That(extension.RawData, Is.EqualTo(value));
        Assert.That(extension.Critical, Is.True);
    }

    [Test]
    public void An_extension_whose_value_nobody_knows_is_left_out_and_noted()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var attributes = CsrAttributes.Parse(List(list => Template(list, attributes: all => Attribute(all, "1.2.840.113549.1.9.16.2.62", Extension("1.3.6.1.4.1.99999.1", null)))));

        var (request, notes) = Make(attributes, key);

        Assert.That(request.CertificateExtensions.Select(extension => extension.Oid!.Value), Has.None.EqualTo("1.3.6.1.4.1.99999.1"));
        Assert.That(notes, Has.Count.EqualTo(1).And.Some.Contains("1.3.6.1.4.1.99999.1"));
    }

    /// <summary>With the hash that was asked for, the signature is another one; openssl reads the algorithm out of it.</summary>
    [TestCase("1.2.840.10045.4.3.3", "1.2.840.10045.4.3.3")]
    [TestCase("1.2.840.10045.4.3.1", "1.2.840.10045.4.3.2", TestName = "SHA_1_and_the_like_are_not_used")]
    public void The_hash_of_the_signature_is_the_one_asked_for(string asked, string used)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var der = Csr(CsrAttributes.Parse(List(list => Oid(list, asked))), key, wish => wish).Der;

        var request = new AsnReader(der, AsnEncodingRules.DER).ReadSequence();
        request.ReadEncodedValue();
        Assert.That(request.ReadSequence().ReadObjectIdentifier(), Is.EqualTo(used));
        CertificateRequest.LoadSigningRequest(der, HashAlgorithmName.SHA256);
    }

    private static IEnumerable<TestCaseData> Bad
    {
        get
        {
            yield return new TestCaseData(new byte[] { 0x30, 0x02, 0x05, 0x00 }).SetArgDisplayNames("neither OID nor attribute");
            yield return new TestCaseData(new byte[] { 0x30, 0x00, 0x00 }).SetArgDisplayNames("more behind it");
            yield return new TestCaseData(new byte[17 * 1024]).SetArgDisplayNames("too long");
            yield return new TestCaseData(List([.. Enumerable.Repeat<Action<AsnWriter>>(list => Oid(list, "1.2.3"), 65)])).SetArgDisplayNames("too many items");
            yield return new TestCaseData(List(list => Request(list, [.. Enumerable.Range(0, 33).Select(i => Extension($"1.2.3.{i}", [5, 0]))]))).SetArgDisplayNames("too many extensions");
            yield return new TestCaseData(List(list => Request(list, Extension("1.2.3", [5, 0]), Extension("1.2.3", [5, 0])))).SetArgDisplayNames("an extension twice");
            yield return new TestCaseData(List(list => Request(list, Extension("1.2.3", [5, 0])), list => Request(list, Extension("1.2.4", [5, 0])))).SetArgDisplayNames("extensions twice");
            yield return new TestCaseData(List(list => Request(list, Extension("1.2.3", null)))).SetArgDisplayNames("an Extension without a value");
            yield return new TestCaseData(List(list => Template(list), list => Template(list))).SetArgDisplayNames("two templates");
            yield return new TestCaseData(List(list => Template(list, version: 1))).SetArgDisplayNames("a template of another version");
            yield return new TestCaseData(List(list => Template(list, withoutAttributes: true))).SetArgDisplayNames("a template without attributes");
            yield return new TestCaseData(List(list => Attribute(list, "1.2.840.10045.2.1", [5, 0]))).SetArgDisplayNames("a curve that is no OID");
        }
    }

    [TestCaseSource(nameof(Bad))]
    public void What_is_no_CsrAttrs_is_refused(byte[] der) =>
        Message.Shown("est_bad_csrattrs", Assert.Throws<ProblemException>(() => CsrAttributes.Parse(der))!);

    /// <summary>Each byte changed, each tail cut off: read, or refused with the one error, and what is read can be used or is refused with a code.</summary>
    [Test]
    public void Damage_ends_in_a_problem_or_a_request()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[][] whole = [List(list => Example(list)), Convert.FromBase64String(ManyExample), List(list => Request(list, Extension("2.5.29.17", [0x30, 0x02, 0x82, 0x00])))];
        var (read, refused) = (0, 0);
        foreach (var original in whole)
        {
            for (var at = 0; at < original.Length; at++)
            {
                foreach (var change in (byte[])[1, 0x20, 0x80, 0xFF])
                {
                    var der = (byte[])original.Clone();
                    der[at] ^= change;
                    Try(der);
                }

                Try(original[..at]);
            }
        }

        Assert.That(read, Is.GreaterThan(50));
        Assert.That(refused, Is.GreaterThan(50));

        void Try(byte[] der)
        {
            try
            {
                Make(CsrAttributes.Parse(der), key, wish => wish with { Lenient = true });
                read++;
            }
            catch (ProblemException problem) when (problem.Code is "est_bad_csrattrs" or "est_csrattrs_unsatisfied")
            {
                refused++;
            }
        }
    }

    private static (CertificateRequest Request, IReadOnlyList<string> Notes) Make(CsrAttributes attributes, ECDsa key, Func<CsrWish, CsrWish>? more = null)
    {
        var (der, notes) = Csr(attributes, key, more ?? (wish => wish));
        return (CertificateRequest.LoadSigningRequest(der, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions), notes);
    }

    private static (byte[] Der, IReadOnlyList<string> Notes) Csr(CsrAttributes attributes, ECDsa key, Func<CsrWish, CsrWish> more)
    {
        var generator = new RemoteSignatureGenerator(key.ExportSubjectPublicKeyInfo(), (_, digest) => key.SignHash(digest, DSASignatureFormat.Rfc3279DerSequence));
        var wish = more(new CsrWish
        {
            Name = "device-1",
            Content = new CertificateRequestContent
            {
                Subject = new X500DistinguishedName("CN=device-1"),
                KeyUsage = X509KeyUsageFlags.DigitalSignature,
                ClientAuthentication = true,
            },
        });
        var outcome = CsrAttributesUse.Apply(attributes, wish, generator.PublicKey);
        return (CertificateSigningRequests.Create(outcome.Content, generator), outcome.Notes);
    }

    private static byte[] List(params Action<AsnWriter>[] items)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            foreach (var item in items) item(writer);
        }

        return writer.Encode();
    }

    private static void Oid(AsnWriter writer, string oid) => writer.WriteObjectIdentifier(oid);

    private static void Example(AsnWriter list) => Template(
        list,
        subject: name =>
        {
            Part(name, "2.5.4.3", null);
            Part(name, "2.5.4.11", "myDept");
            Part(name, "2.5.4.11", "myGroup");
        },
        key: info =>
        {
            using (info.PushSequence())
            {
                info.WriteObjectIdentifier("1.2.840.10045.2.1");
                info.WriteObjectIdentifier("1.2.840.10045.3.1.7");
            }
        },
        attributes: all => Attribute(
            all,
            "1.2.840.113549.1.9.16.2.62",
            List(
                extensions => extensions.WriteEncodedValue(Extension("2.5.29.17", [0x30, 0x14, 0x82, 0x10, .. "www.myServer.com"u8, 0x87, 0x00])),
                extensions => extensions.WriteEncodedValue(Extension("2.5.29.15", [0x03, 0x02, 0x03, 0x88], critical: true)),
                extensions => extensions.WriteEncodedValue(Extension("2.5.29.37", null)))));

    private static void Template(AsnWriter list, Action<AsnWriter>? subject = null, Action<AsnWriter>? key = null, Action<AsnWriter>? attributes = null, int version = 0,
        bool withoutAttributes = false)
    {
        var template = new AsnWriter(AsnEncodingRules.DER);
        using (template.PushSequence())
        {
            template.WriteInteger(version);
            if (subject is not null)
            {
                using (template.PushSequence()) subject(template);
            }

            if (key is not null)
            {
                using (template.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0))) key(template);
            }

            if (!withoutAttributes)
            {
                using (template.PushSetOf(new Asn1Tag(TagClass.ContextSpecific, 1))) attributes?.Invoke(template);
            }
        }

        Attribute(list, "1.2.840.113549.1.9.16.2.61", template.Encode());
    }

    private static void Attribute(AsnWriter writer, string type, params byte[][] values)
    {
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(type);
            using (writer.PushSetOf())
            {
                foreach (var value in values) writer.WriteEncodedValue(value);
            }
        }
    }

    private static void Request(AsnWriter list, params byte[][] extensions) =>
        Attribute(list, "1.2.840.113549.1.9.14", List([.. extensions.Select<byte[], Action<AsnWriter>>(extension => all => all.WriteEncodedValue(extension))]));

    private static byte[] Extension(string oid, byte[]? value, bool critical = false)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(oid);
            if (critical) writer.WriteBoolean(true);
            if (value is not null) writer.WriteOctetString(value);
        }

        return writer.Encode();
    }

    private static void Part(AsnWriter name, string type, string? value)
    {
        using (name.PushSetOf())
        using (name.PushSequence())
        {
            name.WriteObjectIdentifier(type);
            if (value is not null) name.WriteCharacterString(UniversalTagNumber.UTF8String, value);
        }
    }
}
