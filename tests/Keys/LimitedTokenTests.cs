using System.Security.Cryptography;
using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Client;
using EstProv.Keys.Stores;
using EstProv.Platform;
using Net.Pkcs11Interop.Common;

namespace EstProv.Keys.Tests;

/// <summary>Tokens that cannot do something: they are used all the same, or <c>--check</c> says what is missing.</summary>
public sealed class LimitedTokenTests
{
    private SoftHsm _token;
    private FaultyModule _faults;
    private KeydUnderTest _keyd;

    [SetUp]
    public void Prepare()
    {
        _token = new SoftHsm();
        _faults = new FaultyModule();
        _keyd = new KeydUnderTest();
        Configure();
    }

    [TearDown]
    public void Stop()
    {
        _keyd.Dispose();
        _faults.Dispose();
        _token.Dispose();
    }

    [Test]
    public void Without_P384_the_next_wish_is_taken()
    {
        Start(("no_p384", 1));
        var key = _keyd.Client.CreateKeyPair("device-id", "ec-p384:ec-p256");
        Assert.That(PublicKeyInfo.Parse(key.SubjectPublicKeyInfo).Description, Is.EqualTo("EC P-256"));
        Assert.That(Assert.Throws<ProblemException>(() => _keyd.Client.CreateKeyPair("other", "ec-p384"))!.Code, Is.EqualTo("mechanism_missing"));
        AssertCheckSaysNothing();
    }

    [TestCase("rsa-2048")]
    [TestCase("rsa-3072")]
    public void Without_PSS_the_padding_is_made_here(string algorithm)
    {
        Start(("no_mechanism", (ulong)CKM.CKM_RSA_PKCS_PSS));
        var key = _keyd.Client.CreateKeyPair("device-id", algorithm);
        foreach (var hash in (DigestAlgorithm[])[DigestAlgorithm.Sha256, DigestAlgorithm.Sha384, DigestAlgorithm.Sha512]) AssertSigns(key, SignatureScheme.RsaPss, hash);
        AssertCheckSaysNothing();
    }

    [Test]
    public void Without_PSS_and_raw_RSA_it_is_told()
    {
        Start(("no_mechanism", (ulong)CKM.CKM_RSA_PKCS_PSS), ("no_mechanism_2", (ulong)CKM.CKM_RSA_X_509));
        var key = _keyd.Client.CreateKeyPair("device-id", "rsa-2048");
        Assert.That(Assert.Throws<ProblemException>(() => AssertSigns(key, SignatureScheme.RsaPss))!.Code, Is.EqualTo("mechanism_missing"));
        AssertSigns(key, SignatureScheme.RsaPkcs1);
    }

    [Test]
    public void Without_key_generation_check_says_so()
    {
        Start(("no_mechanism", (ulong)CKM.CKM_EC_KEY_PAIR_GEN), ("no_mechanism_2", (ulong)CKM.CKM_RSA_PKCS_KEY_PAIR_GEN));
        Assert.That(Assert.Throws<ProblemException>(() => _keyd.Client.CreateKeyPair("device-id", "ec-p256:rsa-2048"))!.Code, Is.EqualTo("mechanism_missing"));
        AssertCheckSays("can generate neither EC nor RSA keys");
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
        using (var load = new SigningLoad(_keyd.Socket, _keyd.Client.CreateKeyPair("device-id", "ec-p256"), clients: 8, TimeSpan.FromSeconds(5)))
        {
            load.WaitForSignatures(100);
            _keyd.Client.CreateKeyPair("other", "ec-p256");
            load.WaitForSignatures(200);
            load.Stop();
            Assert.That(load.Failures, Is.Empty);
        }

        // What is refused leaves no session behind, and takes none away.
        for (var i = 0; i < 20; i++)
        {
            _faults.Order("C_SignInit", CKR.CKR_KEY_FUNCTION_NOT_PERMITTED);
            Assert.Throws<ProblemException>(() => AssertSigns(_keyd.Client.CreateKeyPair("device-id", "ec-p256")));
        }

        AssertSigns(_keyd.Client.CreateKeyPair("device-id", "ec-p256"));
        _keyd.Stop();
        Assert.That(_faults.Logins, Is.EqualTo(1));
        AssertCheckSaysNothing();
    }

    [TestCase(false)]
    [TestCase(true)]
    public void A_write_protected_token_signs_and_check_says_that_it_can_do_no_more(bool told)
    {
        _token.MakeKey("key", "01");
        Configure("pkcs11:token=edge;object=key");
        if (told) _faults.SetTokenFlags(2); // CKF_WRITE_PROTECTED
        Start(("read_only", 1));
        AssertSigns(_keyd.Client.FindKeyPair("bootstrap")!);
        Assert.That(Assert.Throws<ProblemException>(() => _keyd.Client.CreateKeyPair("device-id", "*"))!.Code, Is.EqualTo("token_read_only"));
        AssertSigns(_keyd.Client.FindKeyPair("bootstrap")!);
        AssertCheckSays("is write-protected");
    }

    [TestCase(1UL)]
    [TestCase(2UL)]
    public void Without_a_search_by_CKA_ID_the_ids_are_compared_here(ulong way)
    {
        Start(("no_id_search", way));
        AssertRotates();
        _keyd.Restart();
        AssertSigns(_keyd.Client.FindKeyPair("device-id")!);
        Assert.That(_token.ListObjects().Split("Private Key Object"), Has.Length.EqualTo(2), "the old pair is destroyed");
        AssertCheckSaysNothing();
    }

    [Test]
    public void A_token_that_does_not_keep_CKA_ID_is_told_and_nothing_stays_in_it()
    {
        Start(("drops_id", 1));
        Assert.That(Assert.Throws<ProblemException>(() => _keyd.Client.CreateKeyPair("device-id", "ec-p256"))!.Code, Is.EqualTo("token_no_id"));
        Assert.That(_token.ListObjects(), Does.Not.Contain("device-id"));
    }

    [Test]
    public void A_key_that_wants_its_PIN_before_every_use_gets_it()
    {
        _token.Tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "key", "--id", "01", "--usage-sign", "--always-auth");
        _token.Tool("--keypairgen", "--key-type", "rsa:2048", "--label", "rsa", "--id", "02", "--usage-sign", "--always-auth");
        Configure("pkcs11:token=edge;object=key");
        Start();
        var key = _keyd.Client.FindKeyPair("bootstrap")!;
        for (var i = 0; i < 5; i++) AssertSigns(key);
        Assert.That(_faults.Logins, Is.EqualTo(6), "one for the token, one for each use");
        AssertCheckSaysNothing();
    }

    [Test]
    public void A_PIN_that_is_refused_for_a_single_use_is_not_tried_again()
    {
        _token.Tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "key", "--id", "01", "--usage-sign", "--always-auth");
        Configure("pkcs11:token=edge;object=key");
        Start();
        var key = _keyd.Client.FindKeyPair("bootstrap")!;
        var before = _faults.Logins;
        _faults.Order("C_Login", CKR.CKR_PIN_INCORRECT);
        Assert.That(Assert.Throws<ProblemException>(() => AssertSigns(key))!.Code, Is.EqualTo("pin_incorrect"));
        for (var i = 0; i < 5; i++) Assert.That(Assert.Throws<ProblemException>(() => AssertSigns(key))!.Code, Is.EqualTo("pin_refused_before"));
        Assert.That(_faults.Logins, Is.EqualTo(before + 1));
    }

    [Test]
    public void A_full_token_is_told_and_goes_on_when_there_is_room_again()
    {
        Start(("max_objects", 2));
        var key = _keyd.Client.CreateKeyPair("device-id", "ec-p256");
        Assert.That(Assert.Throws<ProblemException>(() => _keyd.Client.StageNext("device-id", "ec-p256"))!.Code, Is.EqualTo("token_full"));
        AssertSigns(key);
        _faults.Limit(("max_objects", 4));
        AssertRotates();
    }

    [TestCase("ec-p256", SignatureScheme.Ecdsa)]
    [TestCase("rsa-2048", SignatureScheme.RsaPkcs1)]
    public void A_rotation_works_with_one_free_object(string algorithm, SignatureScheme scheme)
    {
        Start(("max_objects", 3));
        var old = _keyd.Client.CreateKeyPair("device-id", algorithm);
        var next = _keyd.Client.StageNext("device-id", algorithm);
        AssertSigns(next, scheme);
        AssertSigns(old, scheme);
        _keyd.Client.Promote("device-id", SHA256.HashData(next.SubjectPublicKeyInfo));
        _keyd.Client.RetirePrevious("device-id");
        _keyd.Restart();
        AssertSigns(_keyd.Client.FindKeyPair("device-id")!, scheme);
        Assert.That(_keyd.Client.FindKeyPair("device-id")!.SubjectPublicKeyInfo, Is.EqualTo(next.SubjectPublicKeyInfo));
        AssertCheckSaysNothing();
    }

    [Test]
    public void Without_C_DestroyObject_a_rotation_works_and_check_says_what_stays()
    {
        Start(("no_destroy", 1));
        AssertRotates();
        Assert.That(_keyd.Log, Has.Some.Contains("token_no_destroy"));
        AssertCheckSays("cannot destroy objects");
        _faults.Limit();
        _keyd.Start();
        AssertRotates();
        Assert.That(_token.ListObjects().Split("Private Key Object"), Has.Length.EqualTo(2), "what was left is destroyed as soon as that works");
    }

    [Test]
    public void Slots_that_are_looked_for_at_initialisation_only_are_found_when_a_token_comes()
    {
        using (_token.Unplug())
        {
            Start();
            Assert.Throws<ProblemException>(() => _keyd.Client.CreateKeyPair("device-id", "*"));
        }

        Assert.That(() => _keyd.Client.CreateKeyPair("device-id", "*"), Throws.Nothing.After(5000, 50));
    }

    [Test]
    public void A_generation_that_takes_long_is_waited_for_and_others_sign_meanwhile()
    {
        Start();
        var key = _keyd.Client.CreateKeyPair("device-id", "ec-p256");
        // Beyond the deadline of every other request.
        _faults.Order("C_GenerateKeyPair", "sleep", 7000);
        KeyReference? made = null;
        var generation = new Thread(() => made = _keyd.Client.StageNext("device-id", "rsa-2048"));
        generation.Start();
        while (generation.IsAlive) AssertSigns(key);
        AssertSigns(made!, SignatureScheme.RsaPkcs1);
        Assert.That(_keyd.Log, Has.None.Contains("module_hangs"));
    }

    [Test]
    public void A_token_with_one_session_that_generates_for_long_is_told()
    {
        Start(("max_sessions", 1));
        var key = _keyd.Client.CreateKeyPair("device-id", "ec-p256");
        _faults.Order("C_GenerateKeyPair", "sleep", 7000);
        var generation = new Thread(() => _keyd.Client.StageNext("device-id", "ec-p256"));
        generation.Start();
        Assert.That(() => _faults.Left, Is.Zero.After(5000, 5));
        var problem = Assert.Throws<ProblemException>(() => AssertSigns(key))!;
        Assert.That(problem.Code, Is.EqualTo("token_busy"));
        Assert.That(problem.Message, Does.Contain("is generating a key"));
        generation.Join();
        AssertSigns(key);
        Assert.That(_keyd.Log, Has.None.Contains("module_hangs"));
    }

    private void Configure(string key = "") => _keyd.Configure($"""
        [pkcs11]
        lib_path = "{FaultyModule.Module}"
        base_slot = "{_token.TokenUri}"
        {(key.Length == 0 ? "" : $"[preloaded_keys]\nbootstrap = \"{key}\"")}
        """);

    private void Start(params (string Name, ulong Value)[] limits)
    {
        _faults.Limit(limits);
        _keyd.Start();
    }

    private void AssertRotates()
    {
        _keyd.Client.CreateKeyPair("device-id", "ec-p256");
        var next = _keyd.Client.StageNext("device-id", "ec-p256");
        AssertSigns(next);
        _keyd.Client.Promote("device-id", SHA256.HashData(next.SubjectPublicKeyInfo));
        _keyd.Client.RetirePrevious("device-id");
        AssertSigns(_keyd.Client.FindKeyPair("device-id")!);
    }

    private void AssertSigns(KeyReference key, SignatureScheme scheme = SignatureScheme.Ecdsa, DigestAlgorithm hash = DigestAlgorithm.Sha256)
    {
        var digest = Signatures.Digest(hash, "m");
        var name = hash switch { DigestAlgorithm.Sha256 => HashAlgorithmName.SHA256, DigestAlgorithm.Sha384 => HashAlgorithmName.SHA384, _ => HashAlgorithmName.SHA512 };
        Assert.That(Signatures.Verify(key.SubjectPublicKeyInfo, scheme, hash, digest, _keyd.Client.SignDigest(key.Handle, scheme, name, digest)));
    }

    private void AssertCheckSays(string text)
    {
        _keyd.Stop();
        Assert.That(_keyd.Check(out var output), Is.EqualTo(1));
        Assert.That(output, Does.Contain("error: ").And.Contains("hint: ").And.Contains(text));
    }

    private void AssertCheckSaysNothing()
    {
        _keyd.Stop();
        Assert.That(_keyd.Check(out var output), Is.Zero, output);
        Assert.That(output, Is.Empty);
    }
}
