using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Est.Tests.Support;

namespace EstProv.Est.Tests;

/// <summary>Requests and certificates signed by a key that is elsewhere.</summary>
public sealed class RequestTests
{
    [TestCase("SHA256")]
    [TestCase("SHA384")]
    public void A_request_is_bound_to_a_session_with_nothing_else_changed(string hash)
    {
        using var key = RSA.Create(2048);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("device-1.example");
        var generator = new RemoteSignatureGenerator(key.ExportSubjectPublicKeyInfo(), (algorithm, digest) => key.SignHash(digest, algorithm, RSASignaturePadding.Pkcs1));
        var plain = new CertificateRequest(new X500DistinguishedName("CN=device-1"), generator.PublicKey, new HashAlgorithmName(hash));
        plain.CertificateExtensions.Add(names.Build());
        var first = CertificateSigningRequests.Bind(plain.CreateSigningRequest(generator), "AAAA", generator);

        var bound = CertificateSigningRequests.Bind(first, "MDEyMzQ1Njc4OWFi", generator);

        var read = CertificateRequest.LoadSigningRequest(bound, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
        Assert.That(read.SubjectName.Name, Is.EqualTo("CN=device-1"));
        Assert.That(read.CertificateExtensions.Single().RawData, Is.EqualTo(names.Build().RawData));
        Assert.That(read.OtherRequestAttributes.Single().RawData[2..], Is.EqualTo("MDEyMzQ1Njc4OWFi"u8.ToArray()));
        // The signature's algorithm stands at the request's end: sha256WithRSAEncryption ends in 11, sha384WithRSAEncryption in 12.
        Assert.That(bound.AsSpan().IndexOf((byte[])[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, (byte)(hash == "SHA256" ? 11 : 12)]), Is.Positive);
    }

    private static IEnumerable<TestCaseData<string>> Keys() => [new("P-256"), new("P-384"), new("RSA-2048")];

    [TestCaseSource(nameof(Keys))]
    public void A_request_verifies_and_has_what_was_asked_for(string kind)
    {
        using var key = MakeKey(kind);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("device-1.local");
        names.AddIpAddress(System.Net.IPAddress.Loopback);

        var der = CertificateSigningRequests.Create(
            new CertificateRequestContent
            {
                Subject = new X500DistinguishedName("CN=device-1, O=Factory"),
                KeyUsage = X509KeyUsageFlags.DigitalSignature,
                ClientAuthentication = true,
                ServerAuthentication = true,
                AlternativeNames = names.Build(),
            },
            key.Generator);

        // Loading verifies the signature.
        var request = CertificateRequest.LoadSigningRequest(der, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions,
            RSASignaturePadding.Pkcs1);
        Assert.Multiple(() =>
        {
            Assert.That(request.SubjectName.Name, Is.EqualTo("CN=device-1, O=Factory"));
            Assert.That(request.PublicKey.ExportSubjectPublicKeyInfo(), Is.EqualTo(key.Spki));
            Assert.That(request.CertificateExtensions.Select(extension => extension.Oid!.Value), Is.EquivalentTo(["2.5.29.15", "2.5.29.37", "2.5.29.17"]));
        });
    }

    [Test]
    public void A_plain_request_has_no_extensions()
    {
        using var key = MakeKey("P-256");

        var der = CertificateSigningRequests.Create(new CertificateRequestContent { Subject = new X500DistinguishedName("CN=x") }, key.Generator);

        var request = CertificateRequest.LoadSigningRequest(der, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
        Assert.That(request.CertificateExtensions, Is.Empty);
    }

    [TestCase(null)]
    [TestCase(0)]
    public void A_request_for_a_CA_asks_for_basic_constraints_and_the_right_to_sign(int? pathLength)
    {
        using var key = MakeKey("P-256");

        var der = CertificateSigningRequests.Create(
            new CertificateRequestContent { Subject = new X500DistinguishedName("CN=x"), Ca = true, PathLength = pathLength }, key.Generator);

        var request = CertificateRequest.LoadSigningRequest(der, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
        var constraints = request.CertificateExtensions.OfType<X509BasicConstraintsExtension>().Single();
        Assert.That((constraints.CertificateAuthority, constraints.HasPathLengthConstraint, constraints.Critical), Is.EqualTo((true, pathLength is not null, true)));
        Assert.That(request.CertificateExtensions.OfType<X509KeyUsageExtension>().Single().KeyUsages,
            Is.EqualTo(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign));
    }

    [TestCaseSource(nameof(Keys))]
    public void A_certificate_minted_with_it_verifies_under_it(string kind)
    {
        using var key = MakeKey(kind);
        var request = CertificateSigningRequests.ToRequest(new CertificateRequestContent { Subject = new X500DistinguishedName("CN=Mine"), Ca = true }, key.Generator);
        using var ca = request.Create(request.SubjectName, key.Generator, TestCa.Start, TestCa.End, [1]);
        using var leafKey = MakeKey("P-256");
        var leafRequest = CertificateSigningRequests.ToRequest(new CertificateRequestContent { Subject = new X500DistinguishedName("CN=leaf") }, leafKey.Generator);
        using var leaf = leafRequest.Create(ca.SubjectName, key.Generator, TestCa.Start, TestCa.End, [2]);

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(ca);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.VerificationTime = TestCa.Now.UtcDateTime;
        Assert.That(chain.Build(leaf), Is.True);
    }

    /// <summary>SEQUENCE { OID, NULL } for RSA (RFC 4055 section 5), SEQUENCE { OID } for ECDSA (RFC 5758 section 3.2).</summary>
    [TestCase("RSA-2048", "300d06092a864886f70d01010b0500")]
    [TestCase("P-256", "300a06082a8648ce3d040302")]
    public void The_signature_algorithm_has_the_parameters_of_its_kind(string kind, string der)
    {
        using var key = MakeKey(kind);

        Assert.That(Convert.ToHexStringLower(key.Generator.GetSignatureAlgorithmIdentifier(HashAlgorithmName.SHA256)), Is.EqualTo(der));
    }

    [TestCase("SHA256", 32)]
    [TestCase("SHA384", 48)]
    [TestCase("SHA512", 64)]
    public void The_digest_alone_goes_out(string hash, int length)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] seen = [];
        var generator = new RemoteSignatureGenerator(key.ExportSubjectPublicKeyInfo(), (name, digest) =>
        {
            Assert.That(name.Name, Is.EqualTo(hash));
            seen = digest;
            return [];
        });

        generator.SignData(new byte[1000], new HashAlgorithmName(hash));

        Assert.That(seen, Has.Length.EqualTo(length));
    }

    [Test]
    public void Other_hashes_and_other_keys_are_refused()
    {
        using var key = MakeKey("P-256");

        Assert.Throws<CryptographicException>(() => key.Generator.GetSignatureAlgorithmIdentifier(HashAlgorithmName.SHA1));
        // Ed25519, RFC 8410 section 10.1.
        var ed25519 = Convert.FromBase64String("MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=");
        Assert.Throws<CryptographicException>(() => new RemoteSignatureGenerator(ed25519, (_, digest) => digest));
    }

    private static TestKey MakeKey(string kind)
    {
        if (kind == "RSA-2048")
        {
            var rsa = RSA.Create(2048);
            return new TestKey(rsa, rsa.ExportSubjectPublicKeyInfo(), (hash, digest) => rsa.SignHash(digest, hash, RSASignaturePadding.Pkcs1));
        }

        var ec = ECDsa.Create(kind == "P-384" ? ECCurve.NamedCurves.nistP384 : ECCurve.NamedCurves.nistP256);
        return new TestKey(ec, ec.ExportSubjectPublicKeyInfo(), (_, digest) => ec.SignHash(digest, DSASignatureFormat.Rfc3279DerSequence));
    }

    private sealed class TestKey(IDisposable key, byte[] spki, Func<HashAlgorithmName, byte[], byte[]> sign) : IDisposable
    {
        public byte[] Spki => spki;

        public RemoteSignatureGenerator Generator { get; } = new(spki, sign);

        public void Dispose() => key.Dispose();
    }
}
