using System.Security.Cryptography;
using EstProv.Keys.Client;
using EstProv.Keys.Stores;
using EstProv.Platform;
using Net.Pkcs11Interop.Common;

namespace EstProv.Keys.Tests;

/// <summary>Tokens that cannot do something: they are used all the same, or <c>--check</c> says what is missing.</summary>
public sealed class LimitedTokenTests : FaultyTokenFixture
{
    [Test]
    public void Without_P384_the_next_wish_is_taken()
    {
        Start(("no_p384", 1));
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p384:ec-p256");
        Assert.That(PublicKeyInfo.Parse(key.SubjectPublicKeyInfo).Description, Is.EqualTo("EC P-256"));
        Assert.That(Assert.Throws<ProblemException>(() => Keyd.Client.CreateKeyPair("other", "ec-p384"))!.Code, Is.EqualTo("mechanism_missing"));
        AssertCheckSaysNothing();
    }

    [TestCase("rsa-2048")]
    [TestCase("rsa-3072")]
    public void Without_PSS_the_padding_is_made_here(string algorithm)
    {
        Start(("no_mechanism", (ulong)CKM.CKM_RSA_PKCS_PSS));
        var key = Keyd.Client.CreateKeyPair("device-id", algorithm);
        foreach (var hash in (DigestAlgorithm[])[DigestAlgorithm.Sha256, DigestAlgorithm.Sha384, DigestAlgorithm.Sha512]) AssertSigns(key, SignatureScheme.RsaPss, hash);
        AssertCheckSaysNothing();
    }

    [Test]
    public void Without_PSS_and_raw_RSA_it_is_told()
    {
        Start(("no_mechanism", (ulong)CKM.CKM_RSA_PKCS_PSS), ("no_mechanism_2", (ulong)CKM.CKM_RSA_X_509));
        var key = Keyd.Client.CreateKeyPair("device-id", "rsa-2048");
        Assert.That(Assert.Throws<ProblemException>(() => AssertSigns(key, SignatureScheme.RsaPss))!.Code, Is.EqualTo("mechanism_missing"));
        AssertSigns(key, SignatureScheme.RsaPkcs1);
    }

    [TestCase(CKM.CKM_SHA256_HMAC)]
    [TestCase(CKM.CKM_GENERIC_SECRET_KEY_GEN)]
    public void Without_HMAC_the_file_store_holds_the_key_and_the_log_says_so(CKM lacking)
    {
        Start(("no_mechanism", (ulong)lacking));
        var made = Keyd.Http.Send("POST", "/key?api-version=2020-09-01", "{\"keyId\":\"master\",\"usage\":\"derive,sign\"}"u8, "application/json");
        using var answer = System.Text.Json.JsonDocument.Parse(made.Body);
        var handle = answer.RootElement.GetProperty("keyHandle").GetString();
        var mac = Keyd.Http.Send("POST", $"/sign?handle={handle}&algorithm=HMAC-SHA256&api-version=2020-09-01", "m"u8, "application/octet-stream", "application/octet-stream").Body;
        Assert.That(mac, Has.Length.EqualTo(32));
        Assert.That(Directory.GetFiles(Path.Combine(Keyd.Home, "files")), Has.Length.EqualTo(1));
        Assert.That(Keyd.Log, Has.Some.Contains("is kept in store 'files'"));
        Assert.That(Token.ListObjects(), Does.Not.Contain("master"));
    }

    [Test]
    public void Without_key_generation_check_says_so()
    {
        Start(("no_mechanism", (ulong)CKM.CKM_EC_KEY_PAIR_GEN), ("no_mechanism_2", (ulong)CKM.CKM_RSA_PKCS_KEY_PAIR_GEN));
        Assert.That(Assert.Throws<ProblemException>(() => Keyd.Client.CreateKeyPair("device-id", "ec-p256:rsa-2048"))!.Code, Is.EqualTo("mechanism_missing"));
        Keyd.Shown("mechanism_missing-base-slot", "mechanism_missing", AssertCheckSays("can generate neither EC nor RSA keys"));
    }

    [Test]
    public void Without_a_change_of_labels_a_rotation_works()
    {
        Start(("no_change", 1));
        AssertRotates();
        AssertCheckSaysNothing();
    }

    [TestCase(1UL, 0UL)]
    [TestCase(1UL, 1UL)]
    [TestCase(2UL, 0UL)]
    [TestCase(2UL, 1UL)]
    [TestCase(5UL, 1UL)]
    public void Few_sessions_are_shared(ulong sessions, ulong quiet)
    {
        Start(("max_sessions", sessions), ("quiet_sessions", quiet));
        AssertRotates();
        using (var load = new SigningLoad(Keyd.Socket, Keyd.Client.CreateKeyPair("device-id", "ec-p256"), clients: 8, TimeSpan.FromSeconds(5)))
        {
            load.WaitForSignatures(100);
            Keyd.Client.CreateKeyPair("other", "ec-p256");
            load.WaitForSignatures(200);
            load.Stop();
            Assert.That(load.Failures, Is.Empty);
        }

        // What is refused leaves no session behind, and takes none away.
        for (var i = 0; i < 20; i++)
        {
            Faults.Order("C_SignInit", CKR.CKR_KEY_FUNCTION_NOT_PERMITTED);
            Assert.Throws<ProblemException>(() => AssertSigns(Keyd.Client.CreateKeyPair("device-id", "ec-p256")));
        }

        AssertSigns(Keyd.Client.CreateKeyPair("device-id", "ec-p256"));
        Keyd.Stop();
        Assert.That(Faults.Logins, Is.EqualTo(1));
        AssertCheckSaysNothing();
    }

    [TestCase(false)]
    [TestCase(true)]
    public void A_write_protected_token_signs_and_check_says_that_it_can_do_no_more(bool told)
    {
        Token.MakeKey("key", "01");
        Configure(Token.TokenUri, "pkcs11:token=edge;object=key");
        if (told) Faults.SetTokenFlags(2); // CKF_WRITE_PROTECTED
        Start(("read_only", 1));
        AssertSigns(Keyd.Client.FindKeyPair("bootstrap")!);
        Keyd.Shown("token_read_only", Assert.Throws<ProblemException>(() => Keyd.Client.CreateKeyPair("device-id", "*"))!);
        AssertSigns(Keyd.Client.FindKeyPair("bootstrap")!);
        AssertCheckSays("is write-protected");
    }

    [TestCase(1UL)]
    [TestCase(2UL)]
    public void Without_a_search_by_CKA_ID_the_ids_are_compared_here(ulong way)
    {
        Start(("no_id_search", way));
        AssertRotates();
        Keyd.Restart();
        AssertSigns(Keyd.Client.FindKeyPair("device-id")!);
        Assert.That(Token.ListObjects().Split("Private Key Object"), Has.Length.EqualTo(2), "the old pair is destroyed");
        AssertCheckSaysNothing();
    }

    [Test]
    public void A_token_that_does_not_keep_CKA_ID_is_told_and_nothing_stays_in_it()
    {
        Start(("drops_id", 1));
        Keyd.Shown("token_no_id", Assert.Throws<ProblemException>(() => Keyd.Client.CreateKeyPair("device-id", "ec-p256"))!);
        Assert.That(Token.ListObjects(), Does.Not.Contain("device-id"));
    }

    [Test]
    public void A_key_that_wants_its_PIN_before_every_use_gets_it()
    {
        Token.Tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "key", "--id", "01", "--usage-sign", "--always-auth");
        Token.Tool("--keypairgen", "--key-type", "rsa:2048", "--label", "rsa", "--id", "02", "--usage-sign", "--always-auth");
        Configure(Token.TokenUri, "pkcs11:token=edge;object=key");
        Start();
        var key = Keyd.Client.FindKeyPair("bootstrap")!;
        for (var i = 0; i < 5; i++) AssertSigns(key);
        Assert.That(Faults.Logins, Is.EqualTo(6), "one for the token, one for each use");
        AssertCheckSaysNothing();
    }

    [Test]
    public void A_PIN_that_is_refused_for_a_single_use_is_not_tried_again()
    {
        Token.Tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "key", "--id", "01", "--usage-sign", "--always-auth");
        Configure(Token.TokenUri, "pkcs11:token=edge;object=key");
        Start();
        var key = Keyd.Client.FindKeyPair("bootstrap")!;
        var before = Faults.Logins;
        Faults.Order("C_Login", CKR.CKR_PIN_INCORRECT);
        Assert.That(Assert.Throws<ProblemException>(() => AssertSigns(key))!.Code, Is.EqualTo("pin_incorrect"));
        for (var i = 0; i < 5; i++) Assert.That(Assert.Throws<ProblemException>(() => AssertSigns(key))!.Code, Is.EqualTo("pin_refused_before"));
        Assert.That(Faults.Logins, Is.EqualTo(before + 1));
    }

    [Test]
    public void A_full_token_is_told_and_goes_on_when_there_is_room_again()
    {
        Start(("max_objects", 2));
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        Assert.That(Assert.Throws<ProblemException>(() => Keyd.Client.StageNext("device-id", "ec-p256"))!.Code, Is.EqualTo("token_full"));
        AssertSigns(key);
        Faults.Limit(("max_objects", 4));
        AssertRotates();
    }

    [TestCase("ec-p256", SignatureScheme.Ecdsa)]
    [TestCase("rsa-2048", SignatureScheme.RsaPkcs1)]
    public void A_rotation_works_with_one_free_object(string algorithm, SignatureScheme scheme)
    {
        Start(("max_objects", 3));
        var old = Keyd.Client.CreateKeyPair("device-id", algorithm);
        var next = Keyd.Client.StageNext("device-id", algorithm);
        AssertSigns(next, scheme);
        AssertSigns(old, scheme);
        Keyd.Client.Promote("device-id", SHA256.HashData(next.SubjectPublicKeyInfo));
        Keyd.Client.RetirePrevious("device-id");
        Keyd.Restart();
        AssertSigns(Keyd.Client.FindKeyPair("device-id")!, scheme);
        Assert.That(Keyd.Client.FindKeyPair("device-id")!.SubjectPublicKeyInfo, Is.EqualTo(next.SubjectPublicKeyInfo));
        AssertCheckSaysNothing();
    }

    [Test]
    public void Without_C_DestroyObject_a_rotation_works_and_check_says_what_stays()
    {
        Start(("no_destroy", 1));
        AssertRotates();
        Assert.That(Keyd.Log, Has.Some.Contains("token_no_destroy"));
        Keyd.Shown("token_no_destroy", "token_no_destroy", AssertCheckSays("cannot destroy objects"));
        Faults.Limit();
        Keyd.Start();
        AssertRotates();
        Assert.That(Token.ListObjects().Split("Private Key Object"), Has.Length.EqualTo(2), "what was left is destroyed as soon as that works");
    }

    [Test]
    public void Slots_that_are_looked_for_at_initialisation_only_are_found_when_a_token_comes()
    {
        using (Token.Unplug())
        {
            Start();
            Assert.Throws<ProblemException>(() => Keyd.Client.CreateKeyPair("device-id", "*"));
        }

        Assert.That(() => Keyd.Client.CreateKeyPair("device-id", "*"), Throws.Nothing.After(5000, 50));
    }

    [Test]
    public void A_generation_that_takes_long_is_waited_for_and_others_sign_meanwhile()
    {
        Start();
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        // Beyond the deadline of every other request.
        Faults.Order("C_GenerateKeyPair", "sleep", 7000);
        KeyReference? made = null;
        var generation = new Thread(() => made = Keyd.Client.StageNext("device-id", "rsa-2048"));
        generation.Start();
        while (generation.IsAlive) AssertSigns(key);
        AssertSigns(made!, SignatureScheme.RsaPkcs1);
        Assert.That(Keyd.Log, Has.None.Contains("module_hangs"));
    }

    [Test]
    public void A_token_with_one_session_that_generates_for_long_is_told()
    {
        Start(("max_sessions", 1));
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        Faults.Order("C_GenerateKeyPair", "sleep", 7000);
        var generation = new Thread(() => Keyd.Client.StageNext("device-id", "ec-p256"));
        generation.Start();
        Assert.That(() => Faults.Left, Is.Zero.After(5000, 5));
        var problem = Assert.Throws<ProblemException>(() => AssertSigns(key))!;
        Keyd.Shown("token_busy-generating", problem);
        generation.Join();
        AssertSigns(key);
        Assert.That(Keyd.Log, Has.None.Contains("module_hangs"));
    }

    [Test]
    public void A_session_that_does_not_become_free_is_told()
    {
        Start(("max_sessions", 1));
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        Faults.Order("C_Sign", "hang");
        var signing = new Thread(() => TrySign(key));
        signing.Start();
        Assert.That(() => Faults.Left, Is.Zero.After(5000, 5));
        Keyd.Shown("token_busy", Assert.Throws<ProblemException>(() => AssertSigns(key))!);
        Faults.Release();
        signing.Join();
    }

    private void Start(params (string Name, ulong Value)[] limits)
    {
        Faults.Limit(limits);
        Keyd.Start();
    }

    private void AssertRotates()
    {
        Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        var next = Keyd.Client.StageNext("device-id", "ec-p256");
        AssertSigns(next);
        Keyd.Client.Promote("device-id", SHA256.HashData(next.SubjectPublicKeyInfo));
        Keyd.Client.RetirePrevious("device-id");
        AssertSigns(Keyd.Client.FindKeyPair("device-id")!);
    }

    private string AssertCheckSays(string text)
    {
        Keyd.Stop();
        Assert.That(Keyd.Check(out var output), Is.EqualTo(1));
        Assert.That(output, Does.Contain("error: ").And.Contains("hint: ").And.Contains(text));
        return output;
    }

    private void AssertCheckSaysNothing()
    {
        Keyd.Stop();
        Assert.That(Keyd.Check(out var output), Is.Zero, output);
        Assert.That(output, Is.Empty);
    }
}
