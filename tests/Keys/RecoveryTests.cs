using System.Diagnostics;
using EstProv.Platform;
using Net.Pkcs11Interop.Common;

namespace EstProv.Keys.Tests;

/// <summary>Tokens that go away and come back, under load and without a restart.</summary>
public sealed class RecoveryTests : FaultyTokenFixture
{
    // What clients give a request: none may fail within it.
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(5);

    [SetUp]
    public void Start() => Keyd.Start();

    [Test]
    public void A_token_that_is_away_for_two_seconds_under_load_costs_no_request()
    {
        using var load = new SigningLoad(Keyd.Socket, Keyd.Client.CreateKeyPair("device-id", "ec-p256"), clients: 8, Deadline);
        load.WaitForSignatures(100);
        var initialized = Faults.Initialized;
        Faults.TakeAway();
        load.WaitForRefusalsToSettle(TimeSpan.FromSeconds(2));
        Faults.BringBack();
        var back = Stopwatch.StartNew();
        load.WaitForSignatures(load.Count + 1);
        TestContext.Out.WriteLine($"serving again {back.ElapsedMilliseconds} ms after the token's return");
        Assert.That(back.Elapsed, Is.LessThan(TimeSpan.FromSeconds(1)));
        load.WaitForSignatures(load.Count + 100);
        load.Stop();
        TestContext.Out.WriteLine($"{load.Failures.Count} of {load.Count} requests failed with a deadline of 5 s");
        Assert.That(load.Failures, Is.Empty);
        Assert.That(Faults.Initialized, Is.GreaterThan(initialized), "the module was loaded anew");
        Assert.That(Keyd.Log, Has.Some.Match(@"was lost \(CKR_(DEVICE_REMOVED|TOKEN_NOT_PRESENT)\)"), "by what the first call after it says");
    }

    [Test]
    public void A_token_that_comes_and_goes_ten_times_under_load_costs_no_request_and_no_session()
    {
        using var load = new SigningLoad(Keyd.Socket, Keyd.Client.CreateKeyPair("device-id", "ec-p256"), clients: 4, Deadline);
        for (var round = 0; round < 10; round++)
        {
            load.WaitForSignatures(load.Count + 20);
            Faults.TakeAway();
            load.WaitForRefusalsToSettle(TimeSpan.FromMilliseconds(100));
            Faults.BringBack();
        }

        load.WaitForSignatures(load.Count + 20);
        load.Stop();
        Assert.That(load.Failures, Is.Empty);
        Assert.That(Faults.Finalized, Is.LessThanOrEqualTo(Faults.Initialized));
    }

    [Test]
    public void A_token_that_is_away_for_long_is_told_at_once_and_found_within_a_second()
    {
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        Faults.TakeAway();
        var problem = Assert.Throws<ProblemException>(() => AssertSigns(key))!;
        Assert.That(problem.Code, Is.EqualTo("token_absent").Or.EqualTo("token_not_found"));
        Assert.That(problem.Status, Is.EqualTo(503));
        Faults.BringBack();
        var back = Stopwatch.StartNew();
        AssertSigns(key);
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
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        Faults.Order("C_Sign", loss);
        AssertSigns(key);
        Assert.That(Faults.Finalized, Is.EqualTo(anew ? 1 : 0));
        Assert.That(Faults.Initialized, Is.EqualTo(anew ? 2 : 1));
    }

    [Test]
    public void A_login_that_is_lost_again_and_again_is_overcome_by_loading_the_module_anew()
    {
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        Faults.Order("C_SignInit", CKR.CKR_USER_NOT_LOGGED_IN, 2);
        AssertSigns(key);
        Assert.That(Faults.Finalized, Is.EqualTo(1));
    }

    [Test]
    public void A_module_that_cannot_be_initialised_again_at_once_is_waited_for()
    {
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        Faults.Order("C_Initialize", CKR.CKR_GENERAL_ERROR, 4);
        using var gone = new Returning(Faults, TimeSpan.FromMilliseconds(300));
        AssertSigns(key);
        Assert.That(Faults.Left, Is.Zero);
    }

    [Test]
    public void Years_of_losses_leak_no_session()
    {
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        // A session that is not closed counts, and the limit is reached after a few.
        Faults.Limit(("max_sessions", 4), ("quiet_sessions", 1));
        CKR[] losses = [CKR.CKR_SESSION_CLOSED, CKR.CKR_USER_NOT_LOGGED_IN, CKR.CKR_SESSION_HANDLE_INVALID, CKR.CKR_KEY_HANDLE_INVALID, CKR.CKR_OPERATION_ACTIVE];
        for (var round = 0; round < 100; round++)
        {
            Faults.Order(round % 2 == 0 ? "C_Sign" : "C_SignInit", losses[round % losses.Length]);
            AssertSigns(key);
            Faults.Order("C_Sign", CKR.CKR_ARGUMENTS_BAD);
            Assert.Throws<ProblemException>(() => AssertSigns(key));
            Faults.Order("C_FindObjects", CKR.CKR_SESSION_HANDLE_INVALID);
            _ = Keyd.Client.FindKeyPair("device-id");
        }
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
