using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Est.Tests.Support;
using EstProv.Messages;
using EstProv.Platform;

namespace EstProv.Est.Tests;

/// <summary>RFC 7030 section 4.4: a key that the server makes.</summary>
public sealed class ServerKeyTests
{
    private const string KeyPart = "Content-Type: application/pkcs8\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    private const string EncryptedPart = "Content-Type: application/pkcs7-mime;\r\n\tsmime-type=server-generated-key\r\n\r\n";
    private const string CertificatePart = "Content-Type: application/pkcs7-mime; smime-type=certs-only\r\n\r\n";

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    [OneTimeTearDown]
    public void Close() => _key.Dispose();

    [TestCase(true, "\r\n", "")]
    [TestCase(false, "\r\n", "")]
    [TestCase(true, "\n", "")]
    [TestCase(true, "\r\n", "This is for readers of old.\r\n--estBoundaryX\r\n")]
    public async Task Key_and_certificate_come_in_either_order(bool keyFirst, string lineEnd, string preamble)
    {
        using var est = new EstFixture();
        var (key, certificate) = (KeyPart + Answer.Base64(_key.ExportPkcs8PrivateKey(), 64, "\r\n"), CertificatePart + Certificate(est));
        var body = Multipart(keyFirst ? [key, certificate] : [certificate, key], preamble).Replace("\r\n", lineEnd, StringComparison.Ordinal);
        var server = est.Serve(_ => Mixed(body));

        var issued = (EstEnrollment.IssuedWithKey)await GenerateAsync(est, server, encrypted: false);

        Assert.That(issued.Key, Is.EqualTo(_key.ExportPkcs8PrivateKey()));
        Assert.That(issued.Encrypted, Is.False);
        Assert.That(ServerGeneratedKey.PublicKeyOf(issued.Key), Is.EqualTo(issued.Certificates[0].PublicKey.ExportSubjectPublicKeyInfo()));
        Assert.That((server.Requests[0].Method, server.Requests[0].Path), Is.EqualTo(("POST", "/.well-known/est/serverkeygen")));
        Assert.That(server.Requests[0].Headers["Content-Type"], Is.EqualTo("application/pkcs10"));
    }

    [Test]
    public async Task A_server_that_needs_time_is_waited_for()
    {
        using var est = new EstFixture();

        var result = await GenerateAsync(est, est.Serve(_ => Answer.Http(202, null, "", "Retry-After: 7")), encrypted: false);

        Assert.That(((EstEnrollment.Pending)result).RetryAfter, Is.EqualTo(TimeSpan.FromSeconds(7)));
    }

    [TestCase("no part", "no multipart/mixed of two parts")]
    [TestCase("one part", "no multipart/mixed of two parts")]
    [TestCase("three parts", "no multipart/mixed of two parts")]
    [TestCase("two keys", "not one private key and one certificate")]
    [TestCase("two certificates", "not one private key and one certificate")]
    [TestCase("breaks off", "no multipart/mixed of two parts")]
    [TestCase("no boundary", "no multipart/mixed of two parts")]
    [TestCase("wrong boundary", "no multipart/mixed of two parts")]
    [TestCase("bad boundary", "no multipart/mixed of two parts")]
    [TestCase("no type", "no multipart/mixed of two parts")]
    [TestCase("two types", "no multipart/mixed of two parts")]
    [TestCase("no header end", "no multipart/mixed of two parts")]
    [TestCase("many headers", "no multipart/mixed of two parts")]
    [TestCase("long header", "no multipart/mixed of two parts")]
    [TestCase("continued forever", "no multipart/mixed of two parts")]
    [TestCase("no header name", "no multipart/mixed of two parts")]
    [TestCase("not mixed", "not multipart/mixed")]
    [TestCase("key not base64", "the private key is not base64")]
    [TestCase("key empty", "the private key is not base64")]
    [TestCase("certificate not PKCS#7", "the answer is not PKCS#7")]
    [TestCase("encrypted", "the private key is encrypted, which was not asked for")]
    public async Task What_is_not_as_it_should_be_is_refused(string how, string what)
    {
        using var est = new EstFixture();
        var (key, certificate) = (KeyPart + Answer.Base64(_key.ExportPkcs8PrivateKey()), CertificatePart + Certificate(est));
        var good = Multipart([key, certificate]);
        var answer = how switch
        {
            "no part" => Mixed("--estBoundary--\r\n"),
            "one part" => Mixed(Multipart([key])),
            "three parts" => Mixed(Multipart([key, certificate, certificate])),
            "two keys" => Mixed(Multipart([key, key])),
            "two certificates" => Mixed(Multipart([certificate, certificate])),
            "breaks off" => Mixed(good[..^4]),
            "no boundary" => Answer.Http(200, "multipart/mixed", good),
            "wrong boundary" => Mixed(good, "other"),
            "bad boundary" => Mixed(good, new string('x', 71)),
            "no type" => Mixed(Multipart(["X-Nothing: 1\r\n\r\n" + Answer.Base64(_key.ExportPkcs8PrivateKey()), certificate])),
            "two types" => Mixed(Multipart(["Content-Type: text/plain\r\n" + key, certificate])),
            "no header end" => Mixed(Multipart(["Content-Type: application/pkcs8", certificate])),
            "many headers" => Mixed(Multipart([string.Concat(Enumerable.Repeat("X-Nothing: 1\r\n", 16)) + key, certificate])),
            "long header" => Mixed(Multipart(["X-Nothing: " + new string('x', 1100) + "\r\n" + key, certificate])),
            "continued forever" => Mixed(Multipart(["X-Nothing: 1\r\n" + string.Concat(Enumerable.Repeat($" {new string('x', 500)}\r\n", 100)) + key, certificate])),
            "no header name" => Mixed(Multipart([": 1\r\n" + key, certificate])),
            "not mixed" => Answer.Http(200, "multipart/form-data; boundary=estBoundary", good),
            "key not base64" => Mixed(Multipart([KeyPart + "!!!!", certificate])),
            "key empty" => Mixed(Multipart([KeyPart, certificate])),
            "certificate not PKCS#7" => Mixed(Multipart([key, CertificatePart + "AAAA"])),
            _ => Mixed(Multipart([EncryptedPart + "AAAA", certificate])),
        };

        var problem = (await Assert.ThrowsAsync<ProblemException>(() => GenerateAsync(est, est.Serve(_ => answer), encrypted: false)))!;

        Assert.That(problem.Code, Is.EqualTo("est_bad_answer"));
        Assert.That(problem.Message, Does.Contain(what));
    }

    [Test]
    public async Task A_key_that_is_not_encrypted_though_asked_for_is_refused()
    {
        using var est = new EstFixture();
        var server = est.Serve(_ => Mixed(Multipart([KeyPart + Answer.Base64(_key.ExportPkcs8PrivateKey()), CertificatePart + Certificate(est)])));

        var problem = (await Assert.ThrowsAsync<ProblemException>(() => GenerateAsync(est, server, encrypted: true)))!;

        Assert.That(problem.Message, Does.Contain("not encrypted, which was asked for"));
        Assert.That(problem.Hint, Does.Contain("do not use it"));
        Message.Shown("est_bad_answer-key-in-the-clear", problem);
    }

    [TestCase(true, "package")]
    [TestCase(false, "package")]
    [TestCase(true, "unsigned package")]
    [TestCase(true, "bare")]
    public async Task An_encrypted_key_is_opened_as_OpenSSL_makes_it(bool bare, string form)
    {
        using var est = new EstFixture();
        using var openssl = new OpenSslCms();
        using var recipient = OpenSslCms.Recipient();
        using var rsa = recipient.GetRSAPrivateKey()!;
        var pkcs8 = _key.ExportPkcs8PrivateKey();
        var cms = form switch
        {
            "package" => openssl.Encrypt(openssl.Sign(Package(pkcs8), OpenSslCms.KeyPackage, est.Issuing.Client("key maker"), bare), OpenSslCms.SignedData, recipient),
            "unsigned package" => openssl.Encrypt(Package(pkcs8), OpenSslCms.KeyPackage, recipient),
            _ => openssl.Encrypt(pkcs8, null, recipient),
        };
        var server = est.Serve(_ => Mixed(Multipart([EncryptedPart + Answer.Base64(cms, 64, "\r\n"), CertificatePart + Certificate(est)])));

        var issued = (EstEnrollment.IssuedWithKey)await GenerateAsync(est, server, encrypted: true);
        var opened = ServerGeneratedKey.Decrypt(issued.Key, rsa);

        Assert.That(issued.Encrypted, Is.True);
        Assert.That(opened, Is.EqualTo(pkcs8));
    }

    [Test]
    public async Task A_key_that_the_certificate_is_not_for_does_not_count()
    {
        using var est = new EstFixture();
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var server = est.Serve(_ => Mixed(Multipart([KeyPart + Answer.Base64(other.ExportPkcs8PrivateKey()), CertificatePart + Certificate(est)])));
        var issued = (EstEnrollment.IssuedWithKey)await GenerateAsync(est, server, encrypted: false);

        var problem = Assert.Throws<ProblemException>(() => IssuedCertificateCheck.Verify(
            issued.Certificates, ServerGeneratedKey.PublicKeyOf(issued.Key), null, caWanted: false, [est.Root.Public], [est.Issuing.Public], est.Clock))!;

        Assert.That(problem.Code, Is.EqualTo("est_wrong_key"));
    }

    [Test]
    public void A_key_for_somebody_else_and_what_is_no_key_are_told()
    {
        using var est = new EstFixture();
        using var openssl = new OpenSslCms();
        using var recipient = OpenSslCms.Recipient();
        using var other = RSA.Create(2048);
        using var rsa = recipient.GetRSAPrivateKey()!;
        var cms = openssl.Encrypt(_key.ExportPkcs8PrivateKey(), null, recipient);
        ProblemException Refusal(byte[] message, RSA key) =>
            Assert.Throws<ProblemException>(() => ServerGeneratedKey.PublicKeyOf(ServerGeneratedKey.Decrypt(message, key)))!;
        string Code(byte[] message, RSA key) => Refusal(message, key).Code;

        Message.Shown("est_bad_key", Refusal(cms, other));
        Assert.That(Code([0x30, 0x00], rsa), Is.EqualTo("est_bad_key"));
        Assert.That(Code(openssl.Encrypt("no key"u8.ToArray(), null, recipient), rsa), Is.EqualTo("est_bad_key"));
        Assert.That(Code(openssl.Encrypt(Package(_key.ExportPkcs8PrivateKey(), _key.ExportPkcs8PrivateKey()), OpenSslCms.KeyPackage, recipient), rsa), Is.EqualTo("est_bad_key"));
        cms[^20] ^= 1;
        Assert.That(Code(cms, rsa), Is.EqualTo("est_bad_key"));
    }

    [Test]
    public void A_request_names_the_key_to_encrypt_for_and_what_can_be_decrypted()
    {
        using var est = new EstFixture();
        var der = CertificateSigningRequests.Create(
            new CertificateRequestContent { Subject = new X500DistinguishedName("CN=device-1"), DecryptKeyIdentifier = [1, 2, 3] },
            new RemoteSignatureGenerator(est.Spki, (_, digest) => est.Key.SignHash(digest, DSASignatureFormat.Rfc3279DerSequence)));

        var attributes = CertificateRequest.LoadSigningRequest(der, HashAlgorithmName.SHA256).OtherRequestAttributes;

        Assert.That(attributes.Select(attribute => (attribute.Oid!.Value, Convert.ToHexStringLower(attribute.RawData))), Is.EquivalentTo(new[]
        {
            ("1.2.840.113549.1.9.16.2.54", "0403010203"),
            ("1.2.840.113549.1.9.15", "301a300b060960864801650304012a300b0609608648016503040102"),
        }));
    }

    private static Task<EstEnrollment> GenerateAsync(EstFixture est, ScriptedServer server, bool encrypted) =>
        est.Client(est.At(server)).GenerateKeyAsync(est.Csr, encrypted, CancellationToken.None);

    private string Certificate(EstFixture est) => Answer.Base64(TestCa.Pkcs7(est.Issuing.Issue(EstFixture.Request(_key))), 64, "\r\n");

    private static string Multipart(string[] parts, string preamble = "") =>
        preamble + string.Concat(parts.Select(part => $"--estBoundary\r\n{part}\r\n")) + "--estBoundary--\r\n";

    private static Answer Mixed(string body, string boundary = "estBoundary") => Answer.Http(200, $"multipart/mixed; boundary=\"{boundary}\"", body);

    private static byte[] Package(params byte[][] keys)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            foreach (var key in keys) writer.WriteEncodedValue(key);
        }

        return writer.Encode();
    }
}
