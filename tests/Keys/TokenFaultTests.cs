using System.Security.Cryptography;
using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Pkcs11;
using EstProv.Keys.SelfTest;
using EstProv.Keys.Stores;
using EstProv.LocalApi.Tests.Support;
using EstProv.Messages;
using EstProv.Platform;
using Microsoft.Extensions.Logging.Abstractions;
using Net.Pkcs11Interop.Common;

namespace EstProv.Keys.Tests;

/// <summary>Whatever happens to a module, a login or a key, the daemon goes on serving, and wears no PIN out.</summary>
public sealed class TokenFaultTests : FaultyTokenFixture
{
    private const ulong FinalTry = 0x20000, Locked = 0x40000; // CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED

    [Test]
    public void A_wrong_PIN_is_tried_once_over_a_hundred_restarts()
    {
        Configure("pkcs11:token=edge?pin-value=9999");
        Assert.That(Problem()!.Code, Is.EqualTo("pin_incorrect"));
        for (var i = 0; i < 100; i++)
        {
            Keyd.Restart();
            var problem = Assert.Throws<ProblemException>(() => Keyd.Client.CreateKeyPair("device-id", "*"))!;
            Assert.That(problem.Code, Is.EqualTo("pin_refused_before"));
            Assert.That(problem.Message, Does.Not.Contain("9999"));
            Keyd.Shown("pin_refused_before", problem);
        }

        TestContext.Out.WriteLine($"wrong PIN attempts seen by the token over 100 restarts: {Faults.Logins}");
        Assert.That(Faults.Logins, Is.EqualTo(1));
        Assert.That(Keyd.Check(out var output), Is.EqualTo(1));
        Assert.That(output, Does.Contain("refused the PIN").And.Not.Contains("9999"));
        Assert.That(Faults.Logins, Is.EqualTo(1), "--check");
        Assert.That(string.Concat(Keyd.Log), Does.Not.Contain("9999"));
        Assert.That(File.ReadAllText(Path.Combine(Keyd.Home, "pins")), Does.Not.Contain("9999"));

        Configure(Token.TokenUri);
        Keyd.Restart();
        Assert.That(() => Keyd.Client.CreateKeyPair("device-id", "*"), Throws.Nothing, "after the configuration was corrected");
        Assert.That(Faults.Logins, Is.EqualTo(2));
    }

    [Test]
    public void A_corrected_PIN_file_is_tried_without_a_restart()
    {
        var pin = Path.Combine(Keyd.Home, "..", "pin");
        File.WriteAllText(pin, "9999\n");
        Configure($"pkcs11:token=edge?pin-source=file:{Path.GetFullPath(pin)}");
        Assert.That(Problem()!.Code, Is.EqualTo("pin_incorrect"));
        File.WriteAllText(pin, "1234\n");
        Assert.That(() => Problem(), Is.Null.After(5000, 50));
        Assert.That(Faults.Logins, Is.EqualTo(2));
    }

    [Test]
    public void Many_clients_do_not_wear_out_a_wrong_PIN()
    {
        Configure("pkcs11:token=edge?pin-value=9999");
        Keyd.Start();
        var threads = Enumerable.Range(0, 8).Select(_ => new Thread(() =>
        {
            for (var i = 0; i < 20; i++) Assert.Throws<ProblemException>(() => Keyd.Client.CreateKeyPair("device-id", "*"));
        })).ToList();
        threads.ForEach(static thread => thread.Start());
        threads.ForEach(static thread => thread.Join());
        Assert.That(Faults.Logins, Is.EqualTo(1));
    }

    [TestCase(FinalTry, "pin_final_try")]
    [TestCase(Locked, "pin_locked")]
    public void The_last_try_of_a_token_is_not_used_up(ulong flag, string code)
    {
        Faults.SetTokenFlags(flag);
        Configure(Token.TokenUri);
        Assert.That(Problem()!.Code, Is.EqualTo(code));
        Assert.That(Faults.Logins, Is.Zero);
        Faults.ClearTokenFlags();
        Assert.That(() => Problem(), Is.Null.After(5000, 50), "goes on by itself when the token is in order again");
    }

    [Test]
    public void A_login_that_fails_for_another_reason_is_no_refused_PIN()
    {
        Faults.Order("C_Login", CKR.CKR_DEVICE_ERROR);
        Configure(Token.TokenUri);
        Assert.That(Problem()?.Code, Is.EqualTo("token_error").Or.Null);
        Assert.That(() => Problem(), Is.Null.After(5000, 50));
    }

    [Test]
    public void An_interrupted_login_is_tried_once_more_only()
    {
        using var folder = new TemporaryFolder();
        for (var start = 0; start < 4; start++)
        {
            // The power fails before the token has answered: what was noted stays.
            var memory = new Pkcs11.PinMemory(folder["pins"]);
            Assert.That(memory.MayTry(memory.Entry("/m.so", "pkcs11:token=t", "1"u8)), Is.EqualTo(start < 2));
        }
    }

    [Test]
    public void Two_keys_of_one_name_are_told_apart_by_their_id()
    {
        Token.MakeKey("twin", "01");
        Token.MakeKey("twin", "02");
        Configure(Token.TokenUri, "pkcs11:token=edge;object=twin;id=%02");
        Keyd.Start();
        Assert.That(Keyd.Client.FindKeyPair("bootstrap"), Is.Not.Null);
    }

    [Test]
    public void A_key_that_the_token_once_does_not_let_sign_signs_after_that()
    {
        Token.MakeKey("key", "01");
        Configure(Token.TokenUri, "pkcs11:token=edge;object=key");
        Keyd.Start();
        var key = Keyd.Client.FindKeyPair("bootstrap")!;
        foreach (var refusal in (CKR[])[CKR.CKR_KEY_FUNCTION_NOT_PERMITTED, CKR.CKR_MECHANISM_INVALID])
        {
            Faults.Order("C_SignInit", refusal);
            Assert.Throws<ProblemException>(() => Sign(key.Handle));
            AssertSigns(key);
        }
    }

    [Test]
    public void An_RSA_key_needs_no_public_part()
    {
        Token.MakeKey("key", "01", "rsa:2048");
        Token.DeletePublicKey("key");
        Configure(Token.TokenUri, "pkcs11:token=edge;object=key");
        Keyd.Start();
        Assert.That(Keyd.Client.FindKeyPair("bootstrap"), Is.Not.Null);
    }

    [Test]
    public void A_preloaded_key_may_have_a_token_and_a_PIN_of_its_own()
    {
        Token.AddToken("vendor", "4321");
        Token.MakeKeyIn("vendor", "4321", "factory", "01");
        Configure(Token.TokenUri, "pkcs11:token=vendor;object=factory?pin-value=4321");
        Keyd.Start();
        AssertSigns(Keyd.Client.FindKeyPair("bootstrap")!);
        AssertSigns(Keyd.Client.CreateKeyPair("device-id", "ec-p256"));
        Assert.That(Token.ListObjects(), Does.Contain("device-id"), "new keys are made in base_slot's token");
        Assert.That(Faults.Logins, Is.EqualTo(2));
        Keyd.Stop();
        Assert.That(Keyd.Check(out var output), Is.Zero, output);
    }

    [Test]
    public void A_wrong_PIN_is_tried_once_however_many_URIs_bring_it()
    {
        Token.MakeKey("factory", "01");
        Configure("pkcs11:token=edge?pin-value=9999", "pkcs11:token=edge;object=factory?pin-value=9999");
        Keyd.Start();
        Assert.That(ProblemOfBootstrap().Code, Is.AnyOf("pin_incorrect", "pin_refused_before"));
        Assert.That(Problem()!.Code, Is.AnyOf("pin_incorrect", "pin_refused_before"));
        Assert.That(Faults.Logins, Is.EqualTo(1));
    }

    [Test]
    public void A_login_that_is_lost_while_its_sessions_live_is_made_again()
    {
        Configure(Token.TokenUri);
        Keyd.Start();
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        OperatorKeys.LogOut();
        AssertSigns(key);
        OperatorKeys.LogOut();
        Assert.That(Keyd.Client.FindKeyPair("device-id", SHA256.HashData(key.SubjectPublicKeyInfo)), Is.Not.Null, "private objects are only hidden");
        OperatorKeys.LogOut();
        Keyd.Http.Send("DELETE", "/keypair?api-version=2021-05-01", System.Text.Encoding.UTF8.GetBytes($"{{\"keyHandle\":\"{key.Handle}\"}}"), "application/json");
        Assert.That(Token.ListObjects(), Does.Not.Contain("device-id"), "both halves are destroyed");
    }

    [Test]
    public void A_pair_that_the_token_has_lost_is_told_and_can_be_made_anew()
    {
        Configure(Token.TokenUri);
        Keyd.Start();
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        Keyd.Client.StageNext("device-id", "ec-p256");
        for (var i = 0; i < 2; i++)
        {
            Token.DeletePrivateKey("device-id");
            Token.DeletePublicKey("device-id");
        }

        Assert.That(Keyd.Client.FindKeyPair("device-id", SHA256.HashData(key.SubjectPublicKeyInfo)), Is.Null);
        AssertSigns(Keyd.Client.StageNext("device-id", "ec-p256"));
    }

    [Test]
    public void A_generation_that_is_repeated_leaves_one_pair()
    {
        Configure(Token.TokenUri);
        Keyd.Start();
        // The token makes the pair, and the session is lost before keyd has read it.
        Faults.Order("C_GenerateKeyPair", CKR.CKR_DEVICE_ERROR);
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        Keyd.Restart();
        AssertSigns(key);
    }

    [TestCase(CKR.CKR_SESSION_HANDLE_INVALID)]
    [TestCase(CKR.CKR_SESSION_CLOSED)]
    [TestCase(CKR.CKR_DEVICE_REMOVED)]
    [TestCase(CKR.CKR_TOKEN_NOT_PRESENT)]
    [TestCase(CKR.CKR_USER_NOT_LOGGED_IN)]
    [TestCase(CKR.CKR_DEVICE_ERROR)]
    [TestCase(CKR.CKR_KEY_HANDLE_INVALID)]
    [TestCase(CKR.CKR_OBJECT_HANDLE_INVALID)]
    public void What_was_lost_is_opened_again_at_once(CKR loss)
    {
        Configure(Token.TokenUri);
        Keyd.Start();
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        foreach (var function in (string[])["C_SignInit", "C_Sign"])
        {
            var logins = Faults.Logins;
            Faults.Order(function, loss);
            AssertSigns(key);
            Assert.That(Faults.Left, Is.Zero);
            // A handle that is stale leaves the login alone; everything else begins with it.
            Assert.That(Faults.Logins - logins, Is.EqualTo(loss is CKR.CKR_KEY_HANDLE_INVALID or CKR.CKR_OBJECT_HANDLE_INVALID ? 0 : 1));
        }
    }

    [Test]
    public void A_loss_that_lasts_is_not_tried_for_ever()
    {
        Configure(Token.TokenUri);
        Keyd.Start();
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        Faults.Order("C_Sign", CKR.CKR_DEVICE_REMOVED, 1000);
        var problem = Assert.Throws<ProblemException>(() => Sign(key.Handle))!;
        Keyd.Shown("token_absent-in-use", problem);
        Assert.That(problem.Status, Is.EqualTo(503));
        Assert.That(Faults.Left, Is.GreaterThan(900), "the token is not asked without a pause");
    }

    [Test]
    public void A_device_that_fails_for_good_is_told()
    {
        Configure(Token.TokenUri);
        Keyd.Start();
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        Faults.Order("C_Sign", CKR.CKR_DEVICE_ERROR, 1000);
        Keyd.Shown("token_error", Assert.Throws<ProblemException>(() => Sign(key.Handle))!);
    }

    [Test]
    public void A_public_key_that_belongs_to_another_key_is_told_by_check()
    {
        Token.MakeKey("key", "01");
        Token.DeletePublicKey("key");
        Token.MakeKey("other", "01");
        Token.DeletePrivateKey("other");
        Configure(Token.TokenUri, "pkcs11:token=edge;object=key");
        Assert.That(Keyd.Check(out var output), Is.EqualTo(1));
        Keyd.Shown("key_mismatch-check", "key_mismatch", output);
    }

    [Test]
    public void A_module_that_the_daemons_user_may_not_read_is_told()
    {
        using var folder = new TemporaryFolder();
        File.Copy(SoftHsm.Module, folder["libvendor-pkcs11.so"]);
        // The tests run as root, whom no mode keeps out.
        var problem = AsUid.Run(65_001, () => Assert.Throws<ProblemException>(() => Pkcs11Module.Load(folder["libvendor-pkcs11.so"]))!);
        Message.Shown("module_permission", problem, (folder.Path, "/opt/vendor"));
    }

    [Test]
    public void A_module_without_any_slot_is_told()
    {
        Configure(Token.TokenUri);
        Faults.Limit(("no_slots", 1));
        Keyd.Shown("token_no_slot-none", Problem()!);
    }

    [Test]
    public void Two_symmetric_keys_of_one_name_are_told()
    {
        Token.MakeSecret("master", "01");
        Token.MakeSecret("master", "02");
        Configure(Token.TokenUri, "pkcs11:token=edge;object=master;type=secret-key");
        Keyd.Start();
        Keyd.Shown("key_ambiguous-symmetric", Assert.Throws<ProblemException>(Load)!);
        Token.Tool("--delete-object", "--type", "secrkey", "--label", "master");
        Token.Tool("--delete-object", "--type", "secrkey", "--label", "master");
        Keyd.Shown("key_not_found-symmetric-preloaded", Assert.Throws<ProblemException>(Load)!);

        void Load() => Keyd.Http.Send("GET", "/key/bootstrap?api-version=2020-09-01");
    }

    [Test]
    public void A_symmetric_key_that_the_token_holds_and_cannot_use_is_told_by_check()
    {
        Token.MakeSecret("master", "01");
        Configure(Token.TokenUri, "pkcs11:token=edge;object=master;type=secret-key");
        Faults.Order("C_SignInit", CKR.CKR_KEY_FUNCTION_NOT_PERMITTED);
        Assert.That(Keyd.Check(out var output), Is.EqualTo(1));
        Keyd.Shown("mechanism_missing-symmetric", "mechanism_missing", output);
    }

    [Test]
    public void A_token_that_signs_wrongly_fails_the_self_test()
    {
        Configure(Token.TokenUri);
        Faults.Limit(("signs_wrongly", 1));
        using var output = new StringWriter();
        Assert.That(Keyd.SelfTest(output), Is.False);
        Assert.That(output.ToString(), Does.Match("EC P-256: generate, ECDSA +FAILED: a signature Ecdsa over Sha256 does not verify"));
        var pins = new PinMemory(Path.Combine(Keyd.Home, "pins"));
        using var connection = new Pkcs11Connection(FaultyModule.Module, pins, [], TimeProvider.System, NullLogger.Instance);
        using var uri = Pkcs11.Pkcs11Uri.Parse(Token.TokenUri, "test");
        using var store = new Pkcs11KeyStore(connection, uri);
        Keyd.Shown("selftest_failed", Assert.Throws<ProblemException>(() => StoreOperation.EcP256.Try(store, FrameworkVerifier.Verify))!);
    }

    [Test]
    public void A_loss_under_load_costs_no_request()
    {
        Configure(Token.TokenUri);
        Keyd.Start();
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        var failed = 0;
        var threads = Enumerable.Range(0, 6).Select(number => new Thread(() =>
        {
            for (var i = 0; i < 100; i++)
            {
                try
                {
                    if (number == 0 && i % 20 == 10) Faults.Order("C_Sign", CKR.CKR_SESSION_HANDLE_INVALID);
                    AssertSigns(key);
                }
                catch (ProblemException)
                {
                    Interlocked.Increment(ref failed);
                }
            }
        })).ToList();
        threads.ForEach(static thread => thread.Start());
        threads.ForEach(static thread => thread.Join());
        Assert.That(failed, Is.Zero);
    }

    [Test]
    public void A_token_that_comes_later_is_used_without_a_restart()
    {
        Configure(Token.TokenUri);
        using (Token.Unplug())
        {
            Assert.That(Problem()!.Code, Is.EqualTo("token_not_found"));
        }

        Assert.That(() => Problem(), Is.Null.After(5000, 50));
    }

    [Test]
    public void A_failing_generation_leaves_nothing_behind()
    {
        Configure(Token.TokenUri);
        Keyd.Start();
        Keyd.Client.CreateKeyPair("other", "ec-p256");
        var before = Token.ListObjects();
        // The pair, and then the private half alone.
        Faults.Order("C_GenerateKeyPair", CKR.CKR_DEVICE_MEMORY, 2);
        Keyd.Shown("token_full", Assert.Throws<ProblemException>(() => Keyd.Client.CreateKeyPair("device-id", "*"))!);
        Assert.That(Token.ListObjects(), Is.EqualTo(before));
        Assert.That(Directory.GetFiles(Path.Combine(Keyd.Home, "keys")).Select(Path.GetFileName), Is.EqualTo(new[] { "other.json" }));
    }

    [Test]
    public void The_next_algorithm_is_taken_where_the_token_lacks_the_first()
    {
        Configure(Token.TokenUri);
        Keyd.Start();
        Faults.Order("C_GenerateKeyPair", CKR.CKR_MECHANISM_INVALID);
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256:rsa-2048");
        Assert.That(PublicKeyInfo.Parse(key.SubjectPublicKeyInfo).Description, Is.EqualTo("RSA 2048"));
        Faults.Order("C_GenerateKeyPair", CKR.CKR_MECHANISM_INVALID);
        Assert.That(Assert.Throws<ProblemException>(() => Keyd.Client.CreateKeyPair("est-id", "ec-p256"))!.Code, Is.EqualTo("mechanism_missing"));
    }

    [Test]
    public void A_refusal_of_the_moment_costs_no_key()
    {
        Configure(Token.TokenUri);
        Keyd.Start();
        Faults.Order("C_GenerateKeyPair", CKR.CKR_TEMPLATE_INCONSISTENT);
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        Assert.That(Token.ListObjects().Split("Private Key Object"), Has.Length.EqualTo(2));
        Keyd.Restart();
        AssertSigns(key);
        var before = Token.ListObjects();
        Faults.Order("C_GenerateKeyPair", CKR.CKR_TEMPLATE_INCONSISTENT, 2);
        Keyd.Shown("mechanism_missing-kind", Assert.Throws<ProblemException>(() => Keyd.Client.CreateKeyPair("est-id", "ec-p256"))!);
        Assert.That(Token.ListObjects(), Is.EqualTo(before));
    }

    [Test]
    public void The_module_is_finalized_when_the_daemon_stops()
    {
        Configure(Token.TokenUri);
        Assert.That(Problem(), Is.Null);
        Keyd.Stop();
        Assert.That(Faults.Finalized, Is.EqualTo(1));
        Assert.That(Keyd.ExitCode, Is.Zero);
    }

    [Test]
    public void A_check_of_what_is_in_order_says_nothing()
    {
        Token.MakeKey("key", "01");
        Configure(Token.TokenUri, "pkcs11:token=edge;object=key");
        Assert.That(Keyd.Check(out var output), Is.Zero, output);
        Assert.That(output, Is.Empty);
    }

    [TestCase("pkcs11:slot-id=x?pin-value=SECRET", "pkcs11:object=a", "bad_uri")]
    [TestCase("pkcs11:token=t", "pkcs11:token=t", "bad_uri-no-key")]
    [TestCase("pkcs11:token=t", "pkcs11:object=a;type=cert", "bad_uri-type")]
    [TestCase("pkcs11:object=a", "pkcs11:object=a", "bad_uri-no-token")]
    public void URIs_that_cannot_be_used_are_errors_of_the_configuration(string slot, string key, string shown)
    {
        Configure(slot, key);
        Assert.That(Keyd.Check(out var output), Is.EqualTo(78));
        Assert.That(output, Does.Contain("keyd.toml:").And.Contains("error: ").And.Contains("hint: ").And.Not.Contains("SECRET"));
        Keyd.Shown(shown, "bad_uri", output);
        var problem = Assert.Throws<ProblemException>(() => Keyd.SelfTest(TextWriter.Null))!;
        Keyd.Shown("bad_configuration", problem);
    }

    [Test]
    public void A_damaged_memory_of_PINs_tries_none()
    {
        Keyd.Start();
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        Keyd.Stop();
        File.WriteAllText(Path.Combine(Keyd.Home, "pins"), "salt 0g\n");
        var logins = Faults.Logins;
        Keyd.Start();
        Keyd.Shown("pins_damaged", Assert.Throws<ProblemException>(() => Sign(key.Handle))!);
        Assert.That(Faults.Logins, Is.EqualTo(logins));
        File.Delete(Path.Combine(Keyd.Home, "pins"));
        Assert.That(() => Sign(key.Handle), Throws.Nothing.After(5000, 50));
    }

    [Test]
    public void A_login_that_never_lasts_is_told()
    {
        Configure(Token.TokenUri);
        Keyd.Start();
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        Faults.Order("C_SignInit", CKR.CKR_USER_NOT_LOGGED_IN, 1000);
        Keyd.Shown("token_login", Assert.Throws<ProblemException>(() => Sign(key.Handle))!);
        Keyd.ShownInLog("token_lost");
        Faults.ClearOrders();
        AssertSigns(key);
    }

    [Test]
    public void A_token_whose_sessions_others_have_is_told()
    {
        Configure(Token.TokenUri);
        Faults.Order("C_OpenSession", CKR.CKR_SESSION_COUNT, 1000);
        Keyd.Shown("token_sessions", Problem()!);
        Faults.ClearOrders();
        Assert.That(() => Problem(), Is.Null.After(5000, 50));
    }

    [Test]
    public void Keys_of_a_token_that_the_configuration_no_longer_has_are_told()
    {
        Configure(Token.TokenUri);
        Keyd.Start();
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        Keyd.Configure("");
        Keyd.Restart();
        Keyd.Shown("token_not_configured", Assert.Throws<ProblemException>(() => Sign(key.Handle))!);
        Configure(Token.TokenUri);
        Keyd.Restart();
        AssertSigns(key);
    }

    [Test]
    public void A_call_that_never_returns_is_told_and_a_restart_that_fails_too()
    {
        const int AccessDenied = 13;
        Keyd.Replace = static (_, _) => AccessDenied;
        Keyd.Start();
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        Faults.Order("C_Sign", "hang");
        var signing = new Thread(() => TrySign(key));
        signing.Start();
        Assert.That(() => Keyd.Ended, Is.Not.Null.After(20_000, 20));
        Faults.Release();
        signing.Join();
        Keyd.ShownInLog("module_hangs");
        Keyd.Shown("restart_failed", Keyd.Ended!);
    }

    [Test]
    public void A_key_that_is_being_made_by_another_caller_is_waited_for_and_then_told()
    {
        Configure(Token.TokenUri);
        Keyd.Start();
        Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        Faults.Order("C_GenerateKeyPair", "hang");
        var generation = Task.Run(() => Keyd.Client.StageNext("device-id", "ec-p256"));
        Assert.That(() => Faults.Left, Is.Zero.After(5000, 5));
        Keyd.Shown("key_busy", Assert.Throws<ProblemException>(() => Keyd.Client.StageNext("device-id", "ec-p256"))!);
        Faults.Release();
        generation.GetAwaiter().GetResult();
        AssertSigns(Keyd.Client.StageNext("device-id", "ec-p256"));
    }

    /// <summary>What creating a key says; null when it works. Starts the daemon where it does not run.</summary>
    private ProblemException? Problem()
    {
        if (Keyd.Client is null) Keyd.Start();
        try
        {
            Keyd.Client!.CreateKeyPair("device-id", "ec-p256");
            return null;
        }
        catch (ProblemException problem)
        {
            return problem;
        }
    }

    private ProblemException ProblemOfBootstrap() =>
        Assert.Throws<ProblemException>(() => Keyd.Http.Send("GET", "/keypair/bootstrap?api-version=2020-09-01"))!;
}
