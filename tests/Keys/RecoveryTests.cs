using System.Diagnostics;
using System.Security.Cryptography;
using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Client;
using EstProv.Keys.Stores;
using EstProv.Platform;
using Net.Pkcs11Interop.Common;

namespace EstProv.Keys.Tests;

/// <summary>Tokens that go away and come back, under load and without a restart.</summary>
public sealed class RecoveryTests
{
    // What clients give a request: none may fail within it.
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(5);

    private SoftHsm _token;
    private FaultyModule _faults;
    private KeydUnderTest _keyd;

    [SetUp]
    public void Prepare()
    {
        _token = new SoftHsm();
        _faults = new FaultyModule();
        _keyd = new KeydUnderTest();
        _keyd.Configure($"""
            [pkcs11]
            lib_path = "{FaultyModule.Module}"
            base_slot = "{_token.TokenUri}"
            """);
        _keyd.Start();
    }

    [TearDown]
    public void Stop()
    {
        _faults.Release();
        _keyd.Dispose();
        _faults.Dispose();
        _token.Dispose();
    }

    [Test]
    public void A_token_that_is_away_for_two_seconds_under_load_costs_no_request()
    {
        using var load = new SigningLoad(_keyd.Socket, _keyd.Client.CreateKeyPair("device-id", "ec-p256"), clients: 8, Deadline);
        load.WaitForSignatures(100);
        var initialized = _faults.Initialized;
        _faults.TakeAway();
        load.WaitForRefusalsToSettle(TimeSpan.FromSeconds(2));
        _faults.BringBack();
        var back = Stopwatch.StartNew();
        load.WaitForSignatures(load.Count + 1);
        TestContext.Out.WriteLine($"serving again {back.ElapsedMilliseconds} ms after the token's return");
        Assert.That(back.Elapsed, Is.LessThan(TimeSpan.FromSeconds(1)));
        load.WaitForSignatures(load.Count + 100);
        load.Stop();
        TestContext.Out.WriteLine($"{load.Failures.Count} of {load.Count} requests failed with a deadline of 5 s");
        Assert.That(load.Failures, Is.Empty);
        Assert.That(_faults.Initialized, Is.GreaterThan(initialized), "the module was loaded anew");
        Assert.That(_keyd.Log, Has.Some.Match(@"was lost \(CKR_(DEVICE_REMOVED|TOKEN_NOT_PRESENT)\)"), "by what the first call after it says");
    }

    [Test]
    public void A_token_that_comes_and_goes_ten_times_under_load_costs_no_request_and_no_session()
    {
        using var load = new SigningLoad(_keyd.Socket, _keyd.Client.CreateKeyPair("device-id", "ec-p256"), clients: 4, Deadline);
        for (var round = 0; round < 10; round++)
        {
            load.WaitForSignatures(load.Count + 20);
            _faults.TakeAway();
            load.WaitForRefusalsToSettle(TimeSpan.FromMilliseconds(100));
            _faults.BringBack();
        }

        load.WaitForSignatures(load.Count + 20);
        load.Stop();
        Assert.That(load.Failures, Is.Empty);
        Assert.That(_faults.Finalized, Is.LessThanOrEqualTo(_faults.Initialized));
    }

    [Test]
    public void A_token_that_is_away_for_long_is_told_at_once_and_found_within_a_second()
    {
        var key = _keyd.Client.CreateKeyPair("device-id", "ec-p256");
        _faults.TakeAway();
        var problem = Assert.Throws<ProblemException>(() => Sign(key))!;
        Assert.That(problem.Code, Is.EqualTo("token_absent").Or.EqualTo("token_not_found"));
        Assert.That(problem.Status, Is.EqualTo(503));
        _faults.BringBack();
        var back = Stopwatch.StartNew();
        Sign(key);
        Assert.That(back.Elapsed, Is.LessThan(TimeSpan.FromSeconds(1)));
    }

    [TestCase(CKR.CKR_SESSION_HANDLE_INVALID, false)]
    [TestCase(CKR.CKR_USER_NOT_LOGGED_IN, false)]
    [TestCase(CKR.CKR_SESSION_CLOSED, false)]
    [TestCase(CKR.CKR_DEVICE_REMOVED, true)]
    [TestCase(CKR.CKR_DEVICE_ERROR, true)]
    [TestCase(CKR.CKR_GENERAL_ERROR, true)]
    [TestCase(CKR.CKR_FUNCTION_FAILED, true)]
    [TestCase(CKR.CKR_CRYPTOKI_NOT_INITIALIZED, true)]
    [TestCase(CKR.CKR_TOKEN_NOT_RECOGNIZED, true)]
    public void The_module_is_loaded_anew_where_a_new_session_is_not_enough(CKR loss, bool anew)
    {
        var key = _keyd.Client.CreateKeyPair("device-id", "ec-p256");
        _faults.Order("C_Sign", loss);
        Sign(key);
        Assert.That(_faults.Finalized, Is.EqualTo(anew ? 1 : 0));
        Assert.That(_faults.Initialized, Is.EqualTo(anew ? 2 : 1));
    }

    [Test]
    public void A_login_that_is_lost_again_and_again_is_overcome_by_loading_the_module_anew()
    {
        var key = _keyd.Client.CreateKeyPair("device-id", "ec-p256");
        _faults.Order("C_SignInit", CKR.CKR_USER_NOT_LOGGED_IN, 2);
        Sign(key);
        Assert.That(_faults.Finalized, Is.EqualTo(1));
    }

    [Test]
    public void A_module_that_cannot_be_initialised_again_at_once_is_waited_for()
    {
        var key = _keyd.Client.CreateKeyPair("device-id", "ec-p256");
        _faults.Order("C_Initialize", CKR.CKR_GENERAL_ERROR, 4);
        using var gone = new Returning(_faults, TimeSpan.FromMilliseconds(300));
        Sign(key);
        Assert.That(_faults.Left, Is.Zero);
    }

    [Test]
    public void Years_of_losses_leak_no_session()
    {
        var key = _keyd.Client.CreateKeyPair("device-id", "ec-p256");
        // A session that is not closed counts, and the limit is reached after a few.
        _faults.Limit(("max_sessions", 4), ("quiet_sessions", 1));
        CKR[] losses = [CKR.CKR_SESSION_CLOSED, CKR.CKR_USER_NOT_LOGGED_IN, CKR.CKR_SESSION_HANDLE_INVALID, CKR.CKR_KEY_HANDLE_INVALID, CKR.CKR_OPERATION_ACTIVE];
        for (var round = 0; round < 100; round++)
        {
            _faults.Order(round % 2 == 0 ? "C_Sign" : "C_SignInit", losses[round % losses.Length]);
            Sign(key);
            _faults.Order("C_Sign", CKR.CKR_ARGUMENTS_BAD);
            Assert.Throws<ProblemException>(() => Sign(key));
            _faults.Order("C_FindObjects", CKR.CKR_SESSION_HANDLE_INVALID);
            _ = _keyd.Client.FindKeyPair("device-id");
        }
    }

    private byte[] Sign(KeyReference key)
    {
        var digest = SHA256.HashData("m"u8);
        var signature = _keyd.Client.SignDigest(key.Handle, SignatureScheme.Ecdsa, HashAlgorithmName.SHA256, digest);
        Assert.That(Signatures.Verify(key.SubjectPublicKeyInfo, SignatureScheme.Ecdsa, DigestAlgorithm.Sha256, digest, signature));
        return signature;
    }

    /// <summary>Takes the token away now, and brings it back after a while.</summary>
    private sealed class Returning : IDisposable
    {
        private readonly Timer _timer;

        public Returning(FaultyModule faults, TimeSpan after)
        {
            faults.TakeAway();
            _timer = new Timer(_ => faults.BringBack(), null, after, Timeout.InfiniteTimeSpan);
        }

        public void Dispose() => _timer.Dispose();
    }
}
