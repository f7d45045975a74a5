using System.Globalization;
using EstProv.Identity.Provisioning;
using EstProv.Identity.Tests.Support;
using EstProv.Messages;

namespace EstProv.Identity.Tests.Dps;

/// <summary>DPS with a symmetric key: tokens by keyd, over real TLS.</summary>
public sealed class SymmetricKeyTests
{
    private readonly TestPki _pki = new("Test CA");

    [Test]
    public void A_key_in_keyd_registers_the_device()
    {
        using var dps = NewDps();
        using var device = NewDevice(dps);
        using var keyd = new TestKeyd(device.Folder);
        var state = device.Start().UntilSettled().Provisioned!;
        var calls = dps.Calls.ToArray();
        var token = SasParts.Read(calls[0].Authorization);
        using (Assert.EnterMultipleScope())
        {
            Assert.That((state.Hub, state.DeviceId, state.Auth, state.KeyId, state.CertificateId),
                Is.EqualTo(("hub.example", "dev-1", DeviceAuth.Sas, "device-id", "")));
            Assert.That(device.Store.Read(out _), Is.EqualTo(state with { Since = device.Store.Read(out _)!.Since }));
            Assert.That(calls[0].Path, Is.EqualTo("/0neTEST/registrations/dev-1/register?api-version=2021-06-01"));
            Assert.That(calls[0].Client, Is.Null, "no certificate is shown");
            Assert.That((token.Resource, token.KeyName), Is.EqualTo(("0neTEST%2Fregistrations%2Fdev-1", "registration")));
            Assert.That(token.IsBy(keyd.Keys["device-id"]));
            Assert.That(token.End, Is.InRange(DateTimeOffset.UtcNow.AddMinutes(9), DateTimeOffset.UtcNow.AddMinutes(11)),
                "of use for minutes only");
            Assert.That(calls[1].Authorization, Is.EqualTo(calls[0].Authorization));
            Assert.That(keyd.Signatures, Is.EqualTo(1));
            Assert.That(device.Certd.Told, Is.Empty);
        }
    }

    [Test]
    public void No_token_gets_into_log_state_or_change()
    {
        using var dps = NewDps();
        var refusals = 0;
        dps.Script = call => ++refusals <= 2 ? TestDps.Error(401, "no") : TestDps.Assigning()(call);
        using var device = NewDevice(dps);
        using var keyd = new TestKeyd(device.Folder);
        device.Start().UntilSettled();
        var signature = SasParts.Read(dps.Calls.Last().Authorization).Signature;
        Assert.That(device.Log.All, Is.Not.Empty);
        foreach (var line in device.Log.All.Append(File.ReadAllText(device.Store.Path)))
        {
            Assert.That(line, Does.Not.Contain("SharedAccessSignature").And.Not.Contain(signature).And.Not.Contain(Uri.EscapeDataString(signature)));
        }
    }

    [Test]
    public void A_token_by_a_clock_that_is_behind_is_made_anew_by_the_servers_time([Values(1970, 0)] int year)
    {
        using var dps = NewDps();
        using var device = NewDevice(dps);
        // Before the program was built, or after it and two hours late.
        device.Time.Set(year == 0 ? DateTimeOffset.UtcNow.AddHours(-2) : new DateTimeOffset(year, 1, 1, 0, 0, 0, TimeSpan.Zero));
        using var keyd = new TestKeyd(device.Folder);
        var good = TestDps.Assigning();
        dps.Script = call =>
        {
            var now = DateTimeOffset.UtcNow;
            var reply = SasParts.Read(call.Authorization).End < now ? TestDps.Error(401, "expired") : good(call)!;
            return reply with { Date = Date(now) };
        };
        device.Start().UntilSettled();
        Assert.That(dps.Calls.Count(static call => call.Method == "PUT"), Is.EqualTo(2));
        Assert.That(keyd.Signatures, Is.EqualTo(2));
        Assert.That(device.Log.All, Has.One.Contains("refused a token made by this device's clock"));
    }

    [Test]
    public void A_server_whose_date_is_wrong_is_not_asked_in_a_loop_and_the_clocks_are_told()
    {
        using var dps = NewDps();
        using var device = NewDevice(dps);
        using var keyd = new TestKeyd(device.Folder);
        device.Time.Hold = static wait => wait > TimeSpan.FromSeconds(40);
        var good = TestDps.Assigning();
        dps.Script = call => good(call)! with { Date = Date(DateTimeOffset.UtcNow) };
        device.Start().UntilSettled();
        var before = dps.Calls.Count;
        dps.Script = static _ => TestDps.Error(401, "no") with { Date = Date(DateTimeOffset.UtcNow.AddHours(3)) };
        device.Loop.Reprovision();
        var problem = device.UntilProblem("dps_unauthorized").Problem!;
        Assert.That(dps.Calls, Has.Count.EqualTo(before + 1));
        Assert.That(problem.Hint, Does.Contain("see to the clocks"));
        Assert.That(problem.Message, Does.Contain("symmetric key device-id"));
        Assert.That(device.Status.Require().Hub, Is.EqualTo("hub.example"));
    }

    [Test]
    public void A_refusal_says_which_key_dps_wants_and_is_asked_again_after_minutes()
    {
        using var dps = NewDps();
        dps.Script = static _ => TestDps.Error(401, "Unauthorized");
        using var device = NewDevice(dps);
        using var keyd = new TestKeyd(device.Folder);
        device.Time.Hold = static wait => wait > TimeSpan.FromSeconds(40);
        var problem = device.Start().UntilProblem("dps_unauthorized").Problem!;
        Assert.That(problem.Message, Does.Contain("symmetric key device-id").And.Contain("'dev-1'")
            .And.Contain("Unauthorized (error 401002)"));
        Assert.That(problem.Hint, Does.Contain("derived for this registration id").And.Contain("0neTEST"));
        Message.Shown("dps_unauthorized-symmetric-key", problem);
        dps.Script = TestDps.Assigning();
        SpinWait.SpinUntil(() => device.Time.IsHolding, 5000);
        device.Time.Release();
        device.UntilSettled();
    }

    [Test]
    public void A_key_that_is_not_there_is_told_and_found_when_it_is()
    {
        using var dps = NewDps();
        using var device = NewDevice(dps);
        using var keyd = new TestKeyd(device.Folder);
        var key = keyd.Keys["device-id"];
        keyd.Keys.Clear();
        Assert.That(device.Start().UntilProblem("key_not_found").Problem!.Message, Does.Contain("device-id"));
        Assert.That(dps.Calls, Is.Empty, "nothing is sent without a token");
        keyd.Keys["device-id"] = key;
        device.UntilSettled();
    }

    [Test]
    public void A_key_service_that_starts_later_is_found()
    {
        using var dps = NewDps();
        using var device = NewDevice(dps);
        device.Start().UntilProblem("keyd_unreachable");
        using var keyd = new TestKeyd(device.Folder);
        device.UntilSettled();
    }

    [Test]
    public void A_restarted_device_serves_its_result_without_asking_anybody()
    {
        using var dps = NewDps();
        using var first = NewDevice(dps);
        using (new TestKeyd(first.Folder)) first.Start().UntilSettled();
        first.Stop();
        var calls = dps.Calls.Count;
        using var again = new Device(_pki.Root, first.Settings, first.Folder, first.Certd);
        again.Start().UntilSettled();
        SpinWait.SpinUntil(() => again.Status.Now.Problem is not null, 100);
        Assert.That(again.Status.Now.Problem, Is.Null, "keyd is down, and nobody notices");
        Assert.That(dps.Calls, Has.Count.EqualTo(calls));
    }

    [Test]
    public void A_long_assignment_is_asked_for_with_tokens_that_live()
    {
        using var dps = NewDps();
        using var device = NewDevice(dps);
        using var keyd = new TestKeyd(device.Folder);
        var polls = 0;
        var stale = 0;
        dps.Script = call =>
        {
            if (SasParts.Read(call.Authorization).End < device.Time.GetUtcNow()) stale++;
            return call.Method == "GET" && ++polls == 10 ? TestDps.Assigned("hub.example", "dev-1") : new DpsReply(202, """{"operationId":"4.op","status":"assigning"}""", "80");
        };
        device.Start().UntilSettled();
        Assert.That(stale, Is.Zero);
        Assert.That(keyd.Signatures, Is.InRange(3, 4), "and not one for each");
    }

    private TestDps NewDps() => new(_pki.Server("localhost", validFromDays: -20)) { TakesTokens = true };

    private Device NewDevice(TestDps dps) => new(_pki.Root,
        Device.Dps(dps.Url) with { RegistrationId = "dev-1", Authentication = Device.Key });

    private static string Date(DateTimeOffset time) => time.ToString("r", CultureInfo.InvariantCulture);
}
