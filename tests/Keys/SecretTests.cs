using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using EstProv.Contract.Tests.Stores;
using EstProv.Platform;

namespace EstProv.Keys.Tests;

/// <summary>Symmetric and derived keys over the daemon's socket, in a token and in files.</summary>
[TestFixture(true)]
[TestFixture(false)]
public sealed class SecretTests(bool token)
{
    private const string V = "api-version=2021-05-01";

    private SoftHsm? _token;
    private KeydUnderTest _keyd;

    [SetUp]
    public void Start()
    {
        _token = token ? new SoftHsm() : null;
        _token?.MakeSecret("master", "07");
        _keyd = new KeydUnderTest();
        _keyd.Configure((_token is null ? "" : $"""
            [pkcs11]
            "lib_path" = "{SoftHsm.Module}"
            "base_slot" = "{_token.TokenUri}"

            [preloaded_keys]
            "preloaded" = "pkcs11:token=edge;object=master;type=secret-key?pin-value=1234"

            """) + $"""
            [[principal]]
            uid = {ProcessHardening.UserId}
            keys = ["exportable"]
            rights = ["export"]
            """);
        _keyd.Start();
    }

    [TearDown]
    public void Stop()
    {
        _keyd.Dispose();
        _token?.Dispose();
    }

    [Test]
    public void A_generated_key_signs_the_same_after_a_restart()
    {
        var handle = Make("master", "derive,encrypt,sign");
        Assert.That(Make("master", "sign"), Is.EqualTo(handle), "an existing key is kept");
        var mac = Mac(handle, "message");
        Assert.That(mac, Has.Length.EqualTo(32));
        _keyd.Restart();
        Assert.That(Handle(Send("GET", "/key/master")), Is.EqualTo(handle));
        Assert.That(Mac(handle, "message"), Is.EqualTo(mac));
        Assert.That(RawMac(handle, "message"), Is.EqualTo(mac));
        Assert.That(Mac(handle, ""), Is.Not.EqualTo(mac));
        if (_token is null) return;
        Assert.That(_token.ListObjects(), Does.Contain("label:      master").And.Contains("never extractable").And.Not.Contains("WARNING"));
        Assert.That(Directory.GetFiles(Path.Combine(_keyd.Home, "files")), Is.Empty);
    }

    [Test]
    public void An_imported_key_signs_as_who_has_it_too()
    {
        var key = RandomNumberGenerator.GetBytes(32);
        var handle = Import("sas", key);
        Assert.That(Mac(handle, "message"), Is.EqualTo(HMACSHA256.HashData(key, "message"u8)));
        var other = RandomNumberGenerator.GetBytes(32);
        Assert.That(Import("sas", other), Is.EqualTo(handle));
        Assert.That(Mac(handle, "message"), Is.EqualTo(HMACSHA256.HashData(other, "message"u8)), "an import takes the older key's place");
        if (_token is null) Assert.That(Directory.GetFiles(Path.Combine(_keyd.Home, "files")), Has.Length.EqualTo(1), "which is destroyed");
    }

    [Test]
    public void A_key_that_the_token_cannot_use_is_kept_in_a_file()
    {
        // SoftHSM2 computes no HMAC-SHA256 with less than 32 bytes.
        var key = RandomNumberGenerator.GetBytes(16);
        var handle = Import("short", key);
        Assert.That(Mac(handle, "message"), Is.EqualTo(HMACSHA256.HashData(key, "message"u8)));
        Assert.That(Directory.GetFiles(Path.Combine(_keyd.Home, "files")), Has.Length.EqualTo(1));
        if (_token is null) return;
        Assert.That(_keyd.Log, Has.Some.Contains("is kept in store 'files'"));
        Assert.That(_token.ListObjects(), Does.Not.Contain("short"), "nothing of it stays in the token");
    }

    [Test]
    public void A_derived_key_is_the_HMAC_of_its_data_and_its_handle_carries_it()
    {
        var key = RandomNumberGenerator.GetBytes(32);
        var derived = Derive(Import("exportable", key), "module-1");
        var expected = HMACSHA256.HashData(key, "module-1"u8);
        Assert.That(Json(Send("POST", "/derivedkey/export", $$"""{"keyHandle":"{{derived}}"}"""), "key"), Is.EqualTo(expected));
        Assert.That(Mac(derived, "message"), Is.EqualTo(HMACSHA256.HashData(expected, "message"u8)));
        Assert.That(RawMac(derived, "message"), Is.EqualTo(HMACSHA256.HashData(expected, "message"u8)));
        Assert.That(Derive(Handle(Send("GET", "/key/exportable")), "module-1"), Is.EqualTo(derived));
        Assert.That(Open(derived, Seal(derived, "iv", "aad", "text"), "iv", "aad"), Is.EqualTo("text"));
        _keyd.Restart();
        Assert.That(Mac(derived, "message"), Is.EqualTo(HMACSHA256.HashData(expected, "message"u8)));

        var forged = derived[..^6] + (derived[^6] == 'A' ? 'B' : 'A') + derived[^5..];
        Assert.That(Code("POST", "/derivedkey/export", $$"""{"keyHandle":"{{forged}}"}"""), Is.EqualTo("handle_invalid"));
        Assert.That(Code("POST", "/derivedkey", $$"""{"baseKeyHandle":"{{derived}}","derivationData":"AAAA"}"""), Is.EqualTo("handle_invalid"));
        var whole = Handle(Send("GET", "/key/exportable"));
        _keyd.Shown("handle_invalid-not-derived", ProblemOf(() => Send("POST", "/derivedkey/export", $$"""{"keyHandle":"{{whole}}"}""")));
    }

    [Test]
    public void Export_is_a_right_of_its_own()
    {
        var derived = Derive(Make("master", "derive"), "data");
        _keyd.Shown("forbidden-export", ProblemOf(() => Send("POST", "/derivedkey/export", $$"""{"keyHandle":"{{derived}}"}""")));
    }

    [TestCase("twelve bytes", "aad", "plaintext")]
    [TestCase("f3a9e1d0-0000-4000-8000-000000000000", "", "")]
    [TestCase("i", "", "x")]
    public void What_was_encrypted_is_decrypted_and_nothing_else(string iv, string aad, string text)
    {
        var handle = Make("secrets", "encrypt");
        var sealedText = Seal(handle, iv, aad, text);
        Assert.That(sealedText, Has.Length.EqualTo(text.Length + 17));
        Assert.That(sealedText[0], Is.EqualTo(2), "the version of the form");
        _keyd.Restart();
        Assert.That(Open(handle, sealedText, iv, aad), Is.EqualTo(text));
        // IoT Edge 1.1 had the tag in front.
        Assert.That(Open(handle, [1, .. sealedText[^16..], .. sealedText[1..^16]], iv, aad), Is.EqualTo(text));
        Assert.That(CodeOf(() => Open(handle, sealedText, iv + "x", aad)), Is.EqualTo("ciphertext_invalid"));
        Assert.That(CodeOf(() => Open(handle, sealedText, iv, aad + "x")), Is.EqualTo("ciphertext_invalid"));
        Assert.That(CodeOf(() => Open(handle, [3, .. sealedText[1..]], iv, aad)), Is.EqualTo("ciphertext_invalid"));
        Assert.That(CodeOf(() => Open(handle, sealedText[..16], iv, aad)), Is.EqualTo("ciphertext_invalid"));
        Assert.That(Mac(Make("macs", "sign"), "the token is not given up for it"), Has.Length.EqualTo(32));
    }

    [Test]
    public void The_wire_form_is_AES_256_GCM_as_others_compute_it()
    {
        var key = RandomNumberGenerator.GetBytes(32);
        var handle = Import("shared", key);
        var sealedText = Seal(handle, "twelve bytes", "aad", "plaintext");
        using var gcm = new AesGcm(key, 16);
        var opened = new byte[9];
        gcm.Decrypt("twelve bytes"u8, sealedText.AsSpan(1, 9), sealedText.AsSpan(10), opened, "aad"u8);
        Assert.That(Encoding.ASCII.GetString(opened), Is.EqualTo("plaintext"));
    }

    [Test]
    public void A_deleted_key_is_gone_and_its_handle_is_worth_nothing()
    {
        var handle = Make("master", "derive,sign");
        var derived = Derive(handle, "data");
        Send("DELETE", "/key", $$"""{"keyHandle":"{{handle}}"}""");
        Assert.That(CodeOf(() => Mac(handle, "message")), Is.EqualTo("key_not_found"));
        Assert.That(CodeOf(() => Mac(derived, "message")), Is.EqualTo("key_not_found"));
        Assert.That(Code("DELETE", "/key", $$"""{"keyHandle":"{{handle}}"}"""), Is.EqualTo("key_not_found"));
        Assert.That(Directory.GetFiles(Path.Combine(_keyd.Home, "keys")), Is.Empty);
        Assert.That(Directory.GetFiles(Path.Combine(_keyd.Home, "files")), Is.Empty);
    }

    [Test]
    public void A_key_does_what_it_was_made_for_and_no_more()
    {
        var sign = Make("sign", "sign");
        Assert.That(CodeOf(() => Derive(sign, "data")), Is.EqualTo("key_usage"));
        Assert.That(CodeOf(() => Seal(sign, "iv", "", "text")), Is.EqualTo("key_usage"));
        Assert.That(CodeOf(() => Mac(Make("encrypt", "encrypt"), "message")), Is.EqualTo("key_usage"));
        Assert.That(CodeOf(() => Make("sign", "encrypt")), Is.EqualTo("key_usage"));
    }

    [Test]
    public void An_id_is_a_pair_or_a_symmetric_key_and_not_both()
    {
        var pair = _keyd.Client.CreateKeyPair("pair", "ec-p256");
        var secret = Make("secret", "sign");
        _keyd.Shown("key_type-pair", ProblemOf(() => Make("pair", "sign")));
        Assert.That(CodeOf(() => Mac(pair.Handle, "message")), Is.EqualTo("key_type"));
        Assert.That(CodeOf(() => Send("GET", "/key/pair")), Is.EqualTo("key_type"));
        Assert.That(Code("DELETE", "/key", $$"""{"keyHandle":"{{pair.Handle}}"}"""), Is.EqualTo("key_type"));
        _keyd.Shown("key_type-symmetric", ProblemOf(() => _keyd.Client.CreateKeyPair("secret", "ec-p256")));
        Assert.That(CodeOf(() => _keyd.Client.StageNext("secret", "ec-p256")), Is.EqualTo("key_type"));
        Assert.That(CodeOf(() => Send("GET", "/keypair/secret")), Is.EqualTo("key_type"));
        Assert.That(Code("DELETE", "/keypair", $$"""{"keyHandle":"{{secret}}"}"""), Is.EqualTo("key_type"));
        Assert.That(Code("POST", "/keypair/secret", """{"from":"pair"}"""), Is.EqualTo("key_type"));
        _keyd.Shown("key_not_found-symmetric", ProblemOf(() => Send("GET", "/key/unknown")));
    }

    [TestCase("/key", """{"keyId":"a"}""", "field_missing")]
    [TestCase("/key", """{"keyId":"a","usage":"wrap"}""", "bad_request")]
    [TestCase("/key", """{"keyId":"a","usage":""}""", "bad_request")]
    [TestCase("/key", """{"keyId":"a","keyBytes":"AAAA"}""", "bad_request")]
    [TestCase("/key", """{"keyId":"a","keyBytes":"AAAAAAAAAAAAAAAAAAAAAA==","usage":"encrypt"}""", "bad_request")]
    [TestCase("/key", """{"keyId":"a","keyBytes":"!","usage":"sign"}""", "bad_json")]
    [TestCase("/key", """{"usage":"sign"}""", "bad_json")]
    [TestCase("/derivedkey", """{"baseKeyHandle":"$"}""", "bad_json")]
    [TestCase("/derivedkey", """{"baseKeyHandle":"v1.AAAA","derivationData":""}""", "handle_invalid")]
    [TestCase("/sign", """{"keyHandle":"$","algorithm":"HMAC-SHA256","parameters":{"digest":"AAAA"}}""", "field_missing")]
    [TestCase("/sign", """{"keyHandle":"$","algorithm":"HMAC-SHA256","parameters":{"message":"!"}}""", "bad_request")]
    [TestCase("/sign", """{"keyHandle":"$","algorithm":"ECDSA","parameters":{"digest":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}""", "key_type")]
    [TestCase("/encrypt", """{"keyHandle":"$","algorithm":"AEAD","plaintext":""}""", "bad_json")]
    [TestCase("/encrypt", """{"keyHandle":"$","algorithm":"AEAD","plaintext":"","parameters":{"iv":"","aad":""}}""", "bad_request")]
    [TestCase("/encrypt", """{"keyHandle":"$","algorithm":"RSA-NO-PADDING","plaintext":"AAAA"}""", "algorithm_refused")]
    [TestCase("/encrypt", """{"keyHandle":"$","algorithm":"RSA-PKCS1","plaintext":"AAAA"}""", "bad_request")]
    [TestCase("/encrypt", """{"keyHandle":"$","algorithm":"DES","plaintext":"AAAA"}""", "bad_request")]
    [TestCase("/decrypt", """{"keyHandle":"$","algorithm":"RSA-PKCS1","ciphertext":"AAAA"}""", "algorithm_refused")]
    [TestCase("/decrypt", """{"keyHandle":"$","algorithm":"RSA-OAEP","ciphertext":"AAAA"}""", "key_type")]
    public void Bad_requests_are_told_what_is_wrong(string path, string body, string code)
    {
        var handle = Make("all", "derive,encrypt,sign");
        Assert.That(Code("POST", path, body.Replace("$", handle, StringComparison.Ordinal)), Is.EqualTo(code));
    }

    [Test]
    public void A_preloaded_symmetric_key_is_used_and_stays()
    {
        if (_token is null)
        {
            Assert.That(CodeOf(() => Send("GET", "/key/preloaded")), Is.EqualTo("key_not_found"));
            return;
        }

        var handle = Handle(Send("GET", "/key/preloaded"));
        Assert.That(Make("preloaded", "derive,sign"), Is.EqualTo(handle));
        var mac = Mac(handle, "message");
        Assert.That(Mac(Derive(handle, "data"), "message"), Is.Not.EqualTo(mac));
        Assert.That(Code("DELETE", "/key", $$"""{"keyHandle":"{{handle}}"}"""), Is.EqualTo("key_preloaded"));
        Assert.That(CodeOf(() => Import("preloaded", new byte[32])), Is.EqualTo("key_preloaded"));
        Assert.That(CodeOf(() => _keyd.Client.CreateKeyPair("preloaded", "ec-p256")), Is.EqualTo("key_type"));
        _keyd.Stop();
        Assert.That(_keyd.Check(out var output), Is.Zero, output);
        _token.Tool("--delete-object", "--type", "secrkey", "--label", "master");
        _token.MakeSecret("master", "08");
        _keyd.Start();
        Assert.That(Mac(handle, "message"), Is.Not.EqualTo(mac), "what stands at the URI counts");
    }

    private string Make(string id, string usage) => Handle(Send("POST", "/key", $$"""{"keyId":"{{id}}","usage":"{{usage}}"}"""));

    private string Import(string id, byte[] key) => Handle(Send("POST", "/key", $$"""{"keyId":"{{id}}","keyBytes":"{{Convert.ToBase64String(key)}}"}"""));

    private string Derive(string handle, string data) => Handle(Send("POST", "/derivedkey", $$"""{"baseKeyHandle":"{{handle}}","derivationData":"{{Base64(data)}}"}"""));

    private byte[] Mac(string handle, string message) =>
        Json(Send("POST", "/sign", $$"""{"keyHandle":"{{handle}}","algorithm":"HMAC-SHA256","parameters":{"message":"{{Base64(message)}}"} }"""), "signature");

    private byte[] RawMac(string handle, string message) => _keyd.Http.Send("POST", $"/sign?handle={handle}&algorithm=HMAC-SHA256&{V}",
        Encoding.ASCII.GetBytes(message), "application/octet-stream", "application/octet-stream").Body;

    private byte[] Seal(string handle, string iv, string aad, string text) => Json(Send("POST", "/encrypt",
        $$"""{"keyHandle":"{{handle}}","algorithm":"AEAD","parameters":{"iv":"{{Base64(iv)}}","aad":"{{Base64(aad)}}"},"plaintext":"{{Base64(text)}}"}"""), "ciphertext");

    private string Open(string handle, byte[] sealedText, string iv, string aad) => Encoding.ASCII.GetString(Json(Send("POST", "/decrypt",
        $$"""{"keyHandle":"{{handle}}","algorithm":"AEAD","parameters":{"iv":"{{Base64(iv)}}","aad":"{{Base64(aad)}}"},"ciphertext":"{{Convert.ToBase64String(sealedText)}}"}"""), "plaintext"));

    private string Send(string method, string path, string? body = null) =>
        Encoding.UTF8.GetString(_keyd.Http.Send(method, $"{path}?{V}", body is null ? default : Encoding.UTF8.GetBytes(body), body is null ? null : "application/json").Body);

    private static string Base64(string text) => Convert.ToBase64String(Encoding.ASCII.GetBytes(text));

    private static string Handle(string answer) => JsonDocument.Parse(answer).RootElement.GetProperty("keyHandle").GetString()!;

    private static byte[] Json(string answer, string name) => JsonDocument.Parse(answer).RootElement.GetProperty(name).GetBytesFromBase64();

    private string Code(string method, string path, string body) => CodeOf(() => Send(method, path, body));

    private static string CodeOf(Action action) => ProblemOf(action).Code;

    private static ProblemException ProblemOf(Action action) => Assert.Throws<ProblemException>(action)!;
}
