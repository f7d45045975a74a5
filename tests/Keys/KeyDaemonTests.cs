using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Client;
using EstProv.Keys.Stores;
using EstProv.Platform;

namespace EstProv.Keys.Tests;

/// <summary>The daemon with its socket, the client library and a SoftHSM2 token, as on a device.</summary>
public sealed class KeyDaemonTests
{
    private const string V = "api-version=2020-09-01";

    private SoftHsm _token;
    private KeydUnderTest _keyd;

    [SetUp]
    public void Start()
    {
        _token = new SoftHsm();
        _token.MakeKey("device id", "01");
        _keyd = new KeydUnderTest();
        _keyd.Configure($"""
            [pkcs11]
            "lib_path" = "{SoftHsm.Module}"
            "base_slot" = "{_token.TokenUri}"

            [preloaded_keys]
            "bootstrap" = "pkcs11:token=edge;object=device%20id?pin-value=1234"
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
    public void The_preloaded_key_is_loaded_and_signs()
    {
        var key = _keyd.Client.FindKeyPair("bootstrap");
        AssertSigns(key!, SignatureScheme.Ecdsa);
        Assert.That(_keyd.Client.CreateKeyPair("bootstrap", "*").SubjectPublicKeyInfo, Is.EqualTo(key!.SubjectPublicKeyInfo));
    }

    [TestCase("ec-p256:rsa-2048:*", SignatureScheme.Ecdsa)]
    [TestCase("rsa-2048", SignatureScheme.RsaPss)]
    [TestCase("dsa-1024:rsa-3072:rsa-2048", SignatureScheme.RsaPkcs1)]
    [TestCase("ec-p384", SignatureScheme.Ecdsa)]
    [TestCase("ec-p521", SignatureScheme.Ecdsa)]
    public void A_created_key_signs_and_stays_the_same(string preferred, SignatureScheme scheme)
    {
        var key = _keyd.Client.CreateKeyPair("device-id", preferred);
        AssertSigns(key, scheme);
        _keyd.Restart();
        Assert.That(_keyd.Client.CreateKeyPair("device-id", preferred).SubjectPublicKeyInfo, Is.EqualTo(key.SubjectPublicKeyInfo));
        AssertSigns(key, scheme);
        Assert.That(_token.ListObjects(), Does.Contain("label:      device-id").And.Contains("sensitive").And.Contains("never extractable"));
    }

    [Test]
    public void The_JSON_form_signs_too()
    {
        var handle = Handle(Send("POST", "/keypair", """{"keyId":"est-id","preferredAlgorithms":"ec-p256:*"}"""));
        Assert.That(Handle(Send("GET", "/keypair/est-id")), Is.EqualTo(handle));
        var digest = SHA256.HashData("message"u8);
        // Some writers escape the slash of base64.
        var base64 = Convert.ToBase64String(digest).Replace("/", "\\/", StringComparison.Ordinal);
        var answer = Send("POST", "/sign", $$"""{"parameters":{"digest":"{{base64}}","later":[1]},"keyHandle":"{{handle}}","algorithm":"ECDSA"}""");
        var signature = JsonDocument.Parse(answer).RootElement.GetProperty("signature").GetBytesFromBase64();
        var spki = _keyd.Client.FindKeyPair("est-id")!.SubjectPublicKeyInfo;
        Assert.That(Signatures.Verify(spki, SignatureScheme.Ecdsa, DigestAlgorithm.Sha256, digest, signature));
    }

    [TestCase("ec-p384", "ECDSA", SignatureScheme.Ecdsa)]
    [TestCase("rsa-2048", "RSA-PKCS1", SignatureScheme.RsaPkcs1)]
    [TestCase("rsa-2048", "RSA-PSS", SignatureScheme.RsaPss)]
    public void A_message_is_hashed_for_callers_that_cannot(string kind, string algorithm, SignatureScheme scheme)
    {
        var key = _keyd.Client.CreateKeyPair("log", kind);
        foreach (var message in (byte[][])[[], new byte[32], RandomNumberGenerator.GetBytes(60_000)])
        {
            var signature = SignRaw($"handle={key.Handle}&algorithm={algorithm}&hash=sha384&input=message", message);
            Assert.That(Signatures.Verify(key.SubjectPublicKeyInfo, scheme, DigestAlgorithm.Sha384, SHA384.HashData(message), signature));
        }

        Assert.That(CodeOf(() => SignRaw($"handle={key.Handle}&algorithm={algorithm}&input=message", [1])), Is.EqualTo("bad_request"), "no hash");
        Assert.That(CodeOf(() => SignRaw($"handle={key.Handle}&algorithm={algorithm}&hash=sha1&input=message", [1])), Is.EqualTo("bad_request"));
        Assert.That(CodeOf(() => SignRaw($"handle={key.Handle}&algorithm={algorithm}&hash=sha384&input=text", new byte[48])), Is.EqualTo("bad_request"));
        Assert.That(SignRaw($"handle={key.Handle}&algorithm={algorithm}&hash=sha384&input=digest", new byte[48]), Is.Not.Empty);
    }

    [Test]
    public void The_list_has_what_a_caller_needs_to_use_each_key()
    {
        var key = _keyd.Client.CreateKeyPair("device-id", "ec-p256");
        using var answer = JsonDocument.Parse(Send("GET", "/keypairs"));
        var listed = answer.RootElement.GetProperty("keypairs");
        Assert.That(listed.EnumerateArray().Select(static entry => entry.GetProperty("keyId").GetString()), Is.EqualTo((string[])["bootstrap", "device-id"]));
        var entry = listed[1];
        Assert.That(entry.GetProperty("spki").GetBytesFromBase64(), Is.EqualTo(key.SubjectPublicKeyInfo));
        Assert.That((entry.GetProperty("state").GetString(), entry.GetProperty("algorithm").GetString()), Is.EqualTo(("current", "EC P-256")));
        Assert.That(entry.GetProperty("keyHandle").GetString(), Is.EqualTo(key.Handle), "pinned to this very pair");
        Assert.That(answer.RootElement.GetProperty("more").GetBoolean(), Is.False);
        using var rest = JsonDocument.Parse(Encoding.UTF8.GetString(_keyd.Http.Send("GET", $"/keypairs?{V}&after=bootstrap").Body));
        Assert.That(rest.RootElement.GetProperty("keypairs").GetArrayLength(), Is.EqualTo(1));
    }

    [Test]
    public void The_parameters_rebuild_the_public_key()
    {
        var ec = Handle(Send("POST", "/keypair", """{"keyId":"a","preferredAlgorithms":"ec-p256"}"""));
        Assert.That(Parameter("algorithm", ec), Is.EqualTo("ECDSA"));
        Assert.That(Convert.FromBase64String(Parameter("ec-curve-oid", ec)), Is.EqualTo("\x06\x08\x2A\u0086\x48\u00CE\x3D\x03\x01\x07".Select(static c => (byte)c)));
        var point = Convert.FromBase64String(Parameter("ec-point", ec));
        Assert.That(point, Has.Length.EqualTo(33));
        Assert.That(_keyd.Client.FindKeyPair("a")!.SubjectPublicKeyInfo.AsSpan().IndexOf(point.AsSpan(1)), Is.GreaterThan(0));

        var rsa = Handle(Send("POST", "/keypair", """{"keyId":"b","preferredAlgorithms":"rsa-2048"}"""));
        Assert.That(Parameter("algorithm", rsa), Is.EqualTo("RSA"));
        Assert.That(Convert.FromBase64String(Parameter("rsa-modulus", rsa)), Has.Length.EqualTo(256));
        Assert.That(Parameter("rsa-exponent", rsa), Is.EqualTo("AQAB"));
        Assert.That(Code("POST", "/parameters/ec-point", $$"""{"keyHandle":"{{rsa}}"}"""), Is.EqualTo("bad_request"));
        _keyd.Shown("parameter_not_found", ProblemOf(() => Send("POST", "/parameters/colour", $$"""{"keyHandle":"{{rsa}}"}""")));
    }

    [Test]
    public void An_Ed25519_key_signs_messages()
    {
        var key = _keyd.Client.CreateKeyPair("sensor", "ed25519:ec-p256");
        Assert.That(Parameter("algorithm", key.Handle), Is.EqualTo("ED25519"));
        Assert.That(Code("POST", "/parameters/ec-point", $$"""{"keyHandle":"{{key.Handle}}"}"""), Is.EqualTo("bad_request"));
        var message = Encoding.UTF8.GetBytes(new string('m', 1000));
        var answer = Send("POST", "/sign", $$"""{"keyHandle":"{{key.Handle}}","algorithm":"EdDSA","parameters":{"message":"{{Convert.ToBase64String(message)}}"} }""");
        var signature = JsonDocument.Parse(answer).RootElement.GetProperty("signature").GetBytesFromBase64();
        Assert.That(Signatures.Verify(key.SubjectPublicKeyInfo, SignatureScheme.EdDsa, default, message, signature));
        var raw = _keyd.Http.Send("POST", $"/sign?handle={key.Handle}&algorithm=EdDSA&{V}", message, "application/octet-stream").Body;
        Assert.That(raw, Is.EqualTo(signature), "EdDSA is deterministic");
        Assert.That(CodeOf(() => Sign(key.Handle)), Is.EqualTo("key_type"));
        _keyd.Restart();
        Assert.That(_keyd.Client.FindKeyPair("sensor")!.SubjectPublicKeyInfo, Is.EqualTo(key.SubjectPublicKeyInfo));
        _keyd.Stop();
        Assert.That(_keyd.Check(out var output), Is.Zero, output);
    }

    [TestCase("EC:secp384r1", "EC P-384", SignatureScheme.Ecdsa)]
    [TestCase("EC:secp521r1", "EC P-521", SignatureScheme.Ecdsa)]
    [TestCase("rsa:3072", "RSA 3072", SignatureScheme.RsaPss)]
    [TestCase("rsa:4096", "RSA 4096", SignatureScheme.RsaPkcs1)]
    [TestCase("EC:edwards25519", "Ed25519", SignatureScheme.EdDsa)]
    public void A_preloaded_key_may_be_of_any_kind(string type, string description, SignatureScheme scheme)
    {
        _token.DeletePrivateKey("device id");
        _token.DeletePublicKey("device id");
        _token.MakeKey("device id", "05", type);
        var key = _keyd.Client.FindKeyPair("bootstrap")!;
        Assert.That(PublicKeyInfo.Parse(key.SubjectPublicKeyInfo).Description, Is.EqualTo(description));
        if (scheme != SignatureScheme.EdDsa) AssertSigns(key, scheme);
        _keyd.Stop();
        Assert.That(_keyd.Check(out var output), Is.Zero, output);
    }

    [Test]
    public void Encryption_with_RSA_PKCS1_is_the_signature_that_old_clients_mean()
    {
        var key = _keyd.Client.CreateKeyPair("device-id", "rsa-2048");
        var digest = SHA384.HashData("message"u8);
        var info = new byte[DigestAlgorithms.LongestDigestInfo];
        info = info[..DigestAlgorithm.Sha384.WriteDigestInfo(digest, info)];
        var answer = Send("POST", "/encrypt", $$"""{"keyHandle":"{{key.Handle}}","algorithm":"RSA-PKCS1","plaintext":"{{Convert.ToBase64String(info)}}"}""");
        var signature = JsonDocument.Parse(answer).RootElement.GetProperty("ciphertext").GetBytesFromBase64();
        Assert.That(Signatures.Verify(key.SubjectPublicKeyInfo, SignatureScheme.RsaPkcs1, DigestAlgorithm.Sha384, digest, signature));

        var refused = Assert.Throws<ProblemException>(() => Send("POST", "/encrypt", $$"""{"keyHandle":"{{key.Handle}}","algorithm":"RSA-NO-PADDING","plaintext":"AAAA"}"""))!;
        Assert.That((refused.Code, refused.Status), Is.EqualTo(("algorithm_refused", 400)));
        _keyd.Shown("algorithm_refused", refused);
    }

    [Test]
    public void RSA_OAEP_is_decrypted()
    {
        var key = _keyd.Client.CreateKeyPair("device-id", "rsa-2048");
        using var rsa = RSA.Create();
        rsa.ImportSubjectPublicKeyInfo(key.SubjectPublicKeyInfo, out _);
        var ciphertext = rsa.Encrypt("secret"u8, RSAEncryptionPadding.OaepSHA1);
        Assert.That(Decrypt(ciphertext), Does.Contain(Convert.ToBase64String("secret"u8)));
        ciphertext[5] ^= 1;
        _keyd.Shown("ciphertext_invalid", ProblemOf(() => Decrypt(ciphertext)));
        Assert.That(CodeOf(() => Decrypt([1, 2, 3])), Is.EqualTo("ciphertext_invalid"));
        AssertSigns(key, SignatureScheme.RsaPss);

        string Decrypt(byte[] text) => Send("POST", "/decrypt", $$"""{"keyHandle":"{{key.Handle}}","algorithm":"RSA-OAEP","ciphertext":"{{Convert.ToBase64String(text)}}"}""");
    }

    [Test]
    public void RSA_OAEP_is_decrypted_with_raw_bytes_both_ways()
    {
        var key = _keyd.Client.CreateKeyPair("device-id", "rsa-2048");
        using var rsa = RSA.Create();
        rsa.ImportSubjectPublicKeyInfo(key.SubjectPublicKeyInfo, out _);
        var ciphertext = rsa.Encrypt("secret"u8, RSAEncryptionPadding.OaepSHA1);
        Assert.That(Decrypt("algorithm=RSA-OAEP&hash=sha1", ciphertext), Is.EqualTo("secret"u8.ToArray()));
        Assert.That(Decrypt("algorithm=RSA-OAEP", ciphertext), Is.EqualTo("secret"u8.ToArray()));
        Assert.That(Decrypt("algorithm=RSA-OAEP", rsa.Encrypt([], RSAEncryptionPadding.OaepSHA1)), Is.Empty);
        Assert.That(CodeOf(() => Decrypt("algorithm=RSA-OAEP&hash=md5", ciphertext)), Is.EqualTo("bad_request"));
        Assert.That(CodeOf(() => Decrypt("hash=sha1", ciphertext)), Is.EqualTo("bad_request"));
        Assert.That(CodeOf(() => Decrypt("algorithm=AEAD", ciphertext)), Is.EqualTo("bad_request"));
        _keyd.Shown("algorithm_refused-decrypt", ProblemOf(() => Decrypt("algorithm=RSA-PKCS1", ciphertext)));
        Assert.That(CodeOf(() => Decrypt("algorithm=RSA-OAEP", [1, 2, 3])), Is.EqualTo("ciphertext_invalid"));
        ciphertext[5] ^= 1;
        Assert.That(CodeOf(() => Decrypt("algorithm=RSA-OAEP", ciphertext)), Is.EqualTo("ciphertext_invalid"));

        byte[] Decrypt(string query, byte[] text) =>
            _keyd.Http.Send("POST", $"/decrypt?handle={key.Handle}&{query}&{V}", text, "application/octet-stream", "application/octet-stream").Body;
    }

    [Test]
    public void The_common_tools_see_and_use_the_keys()
    {
        var ec = _keyd.Client.CreateKeyPair("device-id", "ec-p256");
        _keyd.Client.CreateKeyPair("rsa", "rsa-2048");
        Send("POST", "/key", """{"keyId":"master","usage":"derive,encrypt,sign"}""");
        var objects = _token.ListObjects();
        foreach (var label in (string[])["device-id", "rsa", "master"]) Assert.That(objects, Does.Contain($"label:      {label}\n"));
        var id = objects.Split("label:      device-id\n  ID:         ")[1][..32];
        Assert.That(StorageId.TryParse(id, out _), id);
        Assert.That(objects, Does.Contain("Secret Key Object; AES length 32").And.Contains("Secret Key Object; Generic secret length 32"));

        var digest = SHA256.HashData("message"u8);
        var byTool = _token.SignWithTool(id, digest);
        using var verifier = ECDsa.Create();
        verifier.ImportSubjectPublicKeyInfo(ec.SubjectPublicKeyInfo, out _);
        Assert.That(verifier.VerifyHash(digest, byTool));

        Assert.That(_token.ListWithP11tool(), Does.Contain("Label: device-id").And.Contains("Label: master").And.Contains("CKA_NEVER_EXTRACTABLE; CKA_SENSITIVE"));
        Assert.That(() => _token.TestSignWithP11tool("device-id"), Throws.Nothing);
    }

    [Test]
    public void A_moved_key_pair_belongs_to_its_new_id()
    {
        var old = _keyd.Client.CreateKeyPair("device-id", "ec-p256");
        var key = _keyd.Client.CreateKeyPair("device-id-temp", "ec-p256");
        Send("POST", "/keypair/device-id", """{"from":"device-id-temp"}""");
        Assert.That(_keyd.Client.FindKeyPair("device-id-temp"), Is.Null);
        Assert.That(_keyd.Client.FindKeyPair("device-id")!.SubjectPublicKeyInfo, Is.EqualTo(key.SubjectPublicKeyInfo));
        Assert.That(CodeOf(() => Sign(old.Handle)), Is.EqualTo("key_not_found"), "what was there is destroyed");
        _keyd.Client.CreateKeyPair("device-id-temp", "ec-p256");
        Send("DELETE", "/keypair", $$"""{"keyHandle":"{{Handle(Send("GET", "/keypair/device-id-temp"))}}"}""");
        _keyd.Restart();
        AssertSigns(_keyd.Client.FindKeyPair("device-id")!, SignatureScheme.Ecdsa);

        Assert.That(Code("POST", "/keypair/device-id", """{"from":"device-id"}"""), Is.EqualTo("bad_request"));
        _keyd.Shown("key_not_found-unknown", ProblemOf(() => Send("POST", "/keypair/device-id", """{"from":"unknown"}""")));
        Assert.That(Code("POST", "/keypair/device-id", """{"from":"bootstrap"}"""), Is.EqualTo("key_preloaded"));
        Assert.That(Code("POST", "/keypair/device-id", "{}"), Is.EqualTo("field_missing"));
    }

    [Test]
    public void A_move_is_finished_or_undone_after_an_interruption([Values] bool done)
    {
        var key = _keyd.Client.CreateKeyPair("temp", "ec-p256");
        _keyd.Stop();
        var folder = Path.Combine(_keyd.Home, "keys");
        var record = File.ReadAllText(Path.Combine(folder, "temp.json"));
        File.WriteAllText(Path.Combine(folder, "temp.json"), record.Replace("\"version\"", "\"movingTo\": \"device-id\", \"version\"", StringComparison.Ordinal));
        if (done) File.WriteAllText(Path.Combine(folder, "device-id.json"), record.Replace("\"temp\"", "\"device-id\"", StringComparison.Ordinal));
        _keyd.Start();
        Assert.That(_keyd.Client.FindKeyPair(done ? "temp" : "device-id"), Is.Null);
        var found = _keyd.Client.FindKeyPair(done ? "device-id" : "temp")!;
        Assert.That(found.SubjectPublicKeyInfo, Is.EqualTo(key.SubjectPublicKeyInfo));
        AssertSigns(found, SignatureScheme.Ecdsa);
        Assert.That(File.Exists(Path.Combine(folder, "temp.json")), Is.Not.EqualTo(done));
    }

    [Test]
    public void A_rotation_goes_from_staged_over_promoted_to_retired()
    {
        var first = _keyd.Client.CreateKeyPair("device-id", "ec-p256");
        var next = _keyd.Client.StageNext("device-id", "ec-p256");
        Assert.That(_keyd.Client.StageNext("device-id", "rsa-2048").SubjectPublicKeyInfo, Is.EqualTo(next.SubjectPublicKeyInfo), "staging again gives the same key");
        Assert.That(_keyd.Client.FindKeyPair("device-id")!.SubjectPublicKeyInfo, Is.EqualTo(first.SubjectPublicKeyInfo));
        AssertSigns(next, SignatureScheme.Ecdsa);

        var floating = Handle(Send("GET", "/keypair/device-id"));
        var spki = SHA256.HashData(next.SubjectPublicKeyInfo);
        _keyd.Client.Promote("device-id", spki);
        _keyd.Client.Promote("device-id", spki);
        Assert.That(_keyd.Client.FindKeyPair("device-id")!.SubjectPublicKeyInfo, Is.EqualTo(next.SubjectPublicKeyInfo));
        Assert.That(_keyd.Http.Send("GET", $"/publickey?handle={floating}&{V}").Body, Is.EqualTo(next.SubjectPublicKeyInfo), "a floating handle follows");
        AssertSigns(first, SignatureScheme.Ecdsa);
        Assert.That(_keyd.Client.FindKeyPair("device-id", SHA256.HashData(first.SubjectPublicKeyInfo)), Is.Not.Null);

        _keyd.Client.RetirePrevious("device-id");
        _keyd.Client.RetirePrevious("device-id");
        Assert.That(_keyd.Client.FindKeyPair("device-id", SHA256.HashData(first.SubjectPublicKeyInfo)), Is.Null);
        _keyd.Shown("key_not_found-destroyed", ProblemOf(() => Sign(first.Handle)));
        AssertSigns(next, SignatureScheme.Ecdsa);
        _keyd.Shown("key_mismatch-promote", ProblemOf(() => _keyd.Client.Promote("device-id", SHA256.HashData(first.SubjectPublicKeyInfo))));
    }

    [Test]
    public void A_discarded_key_leaves_the_token()
    {
        var before = _token.ListObjects();
        _keyd.Client.StageNext("est-id", "ec-p256");
        Assert.That(_token.ListObjects(), Is.Not.EqualTo(before));
        _keyd.Client.DiscardNext("est-id");
        _keyd.Client.DiscardNext("est-id");
        Assert.That(_token.ListObjects(), Is.EqualTo(before));
    }

    [Test]
    public void A_preloaded_key_gives_way_to_a_promoted_one_and_is_never_destroyed()
    {
        var preloaded = _keyd.Client.FindKeyPair("bootstrap")!;
        var next = _keyd.Client.StageNext("bootstrap", "ec-p256");
        _keyd.Client.Promote("bootstrap", SHA256.HashData(next.SubjectPublicKeyInfo));
        _keyd.Client.RetirePrevious("bootstrap");
        Assert.That(_keyd.Client.FindKeyPair("bootstrap")!.SubjectPublicKeyInfo, Is.EqualTo(next.SubjectPublicKeyInfo));
        AssertSigns(_keyd.Client.FindKeyPair("bootstrap", SHA256.HashData(preloaded.SubjectPublicKeyInfo))!, SignatureScheme.Ecdsa);

        Send("DELETE", "/keypair", $$"""{"keyHandle":"{{Handle(Send("GET", "/keypair/bootstrap"))}}"}""");
        Assert.That(_keyd.Client.FindKeyPair("bootstrap")!.SubjectPublicKeyInfo, Is.EqualTo(preloaded.SubjectPublicKeyInfo));
        var handle = Handle(Send("GET", "/keypair/bootstrap"));
        _keyd.Shown("key_preloaded", ProblemOf(() => Send("DELETE", "/keypair", $$"""{"keyHandle":"{{handle}}"}""")));
        AssertSigns(preloaded, SignatureScheme.Ecdsa);
    }

    [Test]
    public void A_preloaded_key_that_changes_in_the_configuration_is_said_in_the_log()
    {
        var next = _keyd.Client.StageNext("bootstrap", "ec-p256");
        _keyd.Client.Promote("bootstrap", SHA256.HashData(next.SubjectPublicKeyInfo));
        _token.MakeKey("another", "02");
        File.WriteAllText(_keyd.ConfigFile, File.ReadAllText(_keyd.ConfigFile).Replace("device%20id", "another", StringComparison.Ordinal));
        _keyd.Restart();
        Assert.That(_keyd.Log, Has.Some.Contains("has changed in the configuration"));
        Assert.That(_keyd.Client.FindKeyPair("bootstrap")!.SubjectPublicKeyInfo, Is.EqualTo(next.SubjectPublicKeyInfo));
    }

    [Test]
    public void A_deleted_key_pair_is_gone_and_can_be_created_again()
    {
        var key = _keyd.Client.CreateKeyPair("device-ca", "ec-p256");
        Send("DELETE", "/keypair", $$"""{"keyHandle":"{{key.Handle}}"}""");
        Assert.That(_keyd.Client.FindKeyPair("device-ca"), Is.Null);
        Assert.That(Directory.GetFiles(Path.Combine(_keyd.Home, "keys")), Is.Empty);
        Assert.That(_keyd.Client.CreateKeyPair("device-ca", "ec-p256").SubjectPublicKeyInfo, Is.Not.EqualTo(key.SubjectPublicKeyInfo));
    }

    [Test]
    public void A_new_key_at_the_same_URI_is_seen_without_a_restart()
    {
        var old = _keyd.Client.FindKeyPair("bootstrap")!;
        var floating = Handle(Send("GET", "/keypair/bootstrap"));
        AssertSigns(old, SignatureScheme.Ecdsa);
        _token.DeletePrivateKey("device id");
        _token.DeletePublicKey("device id");
        Assert.That(CodeOf(() => Sign(floating)), Is.EqualTo("key_not_found"));
        _token.MakeKey("device id", "03");
        Assert.That(() => Sign(floating), Throws.Nothing);
        _keyd.Shown("key_not_found-another", ProblemOf(() => Sign(old.Handle)));
        var seen = _keyd.Client.FindKeyPair("bootstrap")!;
        Assert.That(seen.SubjectPublicKeyInfo, Is.Not.EqualTo(old.SubjectPublicKeyInfo));

        AssertSigns(seen, SignatureScheme.Ecdsa);
        _token.DeletePrivateKey("device id");
        _token.DeletePublicKey("device id");
        _token.MakeKey("device id", "04");
        Assert.That(CodeOf(() => Sign(seen.Handle)), Is.EqualTo("key_not_found"), "another key under the same name is not taken for the old one");
        Assert.That(() => Sign(floating), Throws.Nothing);
    }

    [Test]
    public void Forged_and_foreign_handles_are_refused()
    {
        var key = _keyd.Client.CreateKeyPair("device-id", "ec-p256");
        var other = _keyd.Client.CreateKeyPair("est-id", "ec-p256");
        foreach (var forged in (string[])[key.Handle[..^4] + "AAAA", "v1." + Base64Url.EncodeToString(Encoding.UTF8.GetBytes("\0device-id" + new string('x', 32))),
            "v1.", "v2" + key.Handle[2..], new string('A', 500), key.Handle.Replace("v1.", "v1.AA", StringComparison.Ordinal)])
        {
            Assert.That(CodeOf(() => Sign(forged)), Is.EqualTo("handle_invalid"), forged);
        }

        var digest = Signatures.Digest(DigestAlgorithm.Sha256, "message");
        var signature = _keyd.Client.SignDigest(other.Handle, SignatureScheme.Ecdsa, HashAlgorithmName.SHA256, digest);
        Assert.That(Signatures.Verify(key.SubjectPublicKeyInfo, SignatureScheme.Ecdsa, DigestAlgorithm.Sha256, digest, signature), Is.False);
    }

    [Test]
    public void Handles_survive_a_restart_but_not_another_handle_key()
    {
        var key = _keyd.Client.CreateKeyPair("device-id", "ec-p256");
        _keyd.Restart();
        AssertSigns(key, SignatureScheme.Ecdsa);
        File.WriteAllText(Path.Combine(_keyd.Home, "handle.key"), "short");
        _keyd.Restart();
        _keyd.Shown("handle_invalid", ProblemOf(() => Sign(key.Handle)));
        Assert.That(_keyd.Log, Has.Some.Contains("handle.key was damaged"));
    }

    [TestCase("POST", "/sign", """{"keyHandle":"$","algorithm":"ECDSA","parameters":{"digest":"AAAA"}}""", "bad_request")]
    [TestCase("POST", "/sign", """{"keyHandle":"$","algorithm":"ECDSA","parameters":{"digest":"!!!!"}}""", "bad_request")]
    [TestCase("POST", "/sign", """{"keyHandle":"$","algorithm":"RSA-PSS","parameters":{"digest":"#"}}""", "key_type")]
    [TestCase("POST", "/sign", """{"keyHandle":"$","algorithm":"RSA-NO-PADDING","parameters":{"digest":"#"}}""", "bad_request")]
    [TestCase("POST", "/sign", """{"keyHandle":"$","algorithm":"ECDSA","parameters":{"digest":"#","hash":"sha384"}}""", "bad_request")]
    [TestCase("POST", "/sign", """{"keyHandle":"$","algorithm":"ECDSA","parameters":{}}""", "field_missing")]
    [TestCase("POST", "/sign", """{"keyHandle":1,"algorithm":"ECDSA"}""", "bad_json")]
    [TestCase("POST", "/sign", """{"keyHandle":"$","algorithm":"ECDSA","parameters":{"digest":"#"}} x""", "bad_json")]
    [TestCase("POST", "/sign", "[]", "bad_json")]
    [TestCase("POST", "/keypair", "{}", "field_missing")]
    [TestCase("POST", "/keypair", """{"keyId":"","preferredAlgorithms":"*"}""", "bad_request")]
    [TestCase("POST", "/keypair", """{"keyId":"a\nb"}""", "bad_request")]
    [TestCase("POST", "/keypair", """{"keyId":"a","preferredAlgorithms":"dsa-1024"}""", "bad_request")]
    [TestCase("POST", "/keypair/device-id/promote", """{"spki":"short"}""", "bad_request")]
    [TestCase("POST", "/keypair/device-id/promote", """{"spki":"AAAAAAAAAAAAAAAAAAAAA/AAAAAAAAAAAAAAAAAAAAA"}""", "bad_request")]
    [TestCase("POST", "/keypair/unknown/promote", """{"spki":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}""", "key_not_found")]
    public void Bad_requests_are_told_what_is_wrong(string method, string path, string body, string code)
    {
        var handle = _keyd.Client.CreateKeyPair("device-id", "ec-p256").Handle;
        body = body.Replace("$", handle, StringComparison.Ordinal).Replace("#", Convert.ToBase64String(new byte[32]), StringComparison.Ordinal);
        Assert.That(Code(method, path, body), Is.EqualTo(code));
    }

    [Test]
    public void Unknown_keys_are_not_found() => Assert.That(_keyd.Client.FindKeyPair("unknown"), Is.Null);

    private void AssertSigns(KeyReference key, SignatureScheme scheme)
    {
        var digest = Signatures.Digest(DigestAlgorithm.Sha384, "message");
        var signature = _keyd.Client.SignDigest(key.Handle, scheme, HashAlgorithmName.SHA384, digest);
        Assert.That(Signatures.Verify(key.SubjectPublicKeyInfo, scheme, DigestAlgorithm.Sha384, digest, signature));
    }

    private byte[] Sign(string handle) => _keyd.Client.SignDigest(handle, SignatureScheme.Ecdsa, HashAlgorithmName.SHA256, new byte[32]);

    private byte[] SignRaw(string query, byte[] body) => _keyd.Http.Send("POST", $"/sign?{V}&{query}", body, "application/octet-stream").Body;

    private string Parameter(string name, string handle) =>
        JsonDocument.Parse(Send("POST", "/parameters/" + name, $$"""{"keyHandle":"{{handle}}"}""")).RootElement.GetProperty("value").GetString()!;

    private string Send(string method, string path, string? body = null) =>
        Encoding.UTF8.GetString(_keyd.Http.Send(method, $"{path}?{V}", body is null ? default : Encoding.UTF8.GetBytes(body), body is null ? null : "application/json").Body);

    private static string Handle(string answer) => JsonDocument.Parse(answer).RootElement.GetProperty("keyHandle").GetString()!;

    private string Code(string method, string path, string body) => CodeOf(() => Send(method, path, body));

    private static string CodeOf(Action action) => ProblemOf(action).Code;

    private static ProblemException ProblemOf(Action action) => Assert.Throws<ProblemException>(action)!;
}
