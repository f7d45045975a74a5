using EstProv.Certificates.Issuing;
using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Support;
using EstProv.Messages;
using EstProv.Platform;
using EstProv.Simulator;
using EstProv.Simulator.Faults;

namespace EstProv.Certificates.Tests.Engine;

/// <summary>Until a new pair has done its work once, the one before it is there to go back to.</summary>
public sealed class FirstUseTests
{
    [Test]
    [Description("meta-iotedge#127: state of a backup or of the other A/B slot")]
    public async Task The_key_of_the_certificate_in_use_is_not_destroyed_where_keyds_current_one_is_newer()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        device.Stop();
        // certd's state came from a backup.
        device.Keyd.Promote("est-id", Hash(device.Keyd.StageNext("est-id", "ec-p256").SubjectPublicKeyInfo));

        device.Start();
        Use(device);
        device.Restart();
        Use(device);

        Assert.That(device.Keyd.FindKeyPair("est-id", device.Current("est-id")!.SpkiHash), Is.Not.Null);
        Assert.That(device.Events.Count("bootstrap", "bootstrap"), Is.EqualTo(1));
    }

    [Test]
    public async Task The_key_before_is_not_destroyed_while_the_disk_may_forget_the_certificate_after_it()
    {
        await using var device = await RenamedAsync(new FaultRule { Kind = FaultKind.Status, Client = "CN=nobody", Status = 500 });
        device.Events.Await("committed", "est-id", 2);
        device.AwaitIdle();
        var (certs, away) = (Path.Combine(device.Configuration.HomedirPath, "certs"), Path.Combine(device.Configuration.HomedirPath, "away"));

        Directory.Move(certs, away);
        device.Engine.Steps.MarkUsed(device.Engine.Table.Find("est-id")!);
        Assert.That(device.Keyd.Count("est-id"), Is.EqualTo(2));
        Directory.Move(away, certs);
        device.Engine.Steps.MarkUsed(device.Engine.Table.Find("est-id")!);
        Assert.That(device.Keyd.Count("est-id"), Is.EqualTo(1));
    }

    [TestCase(400)]
    [TestCase(495)]
    public async Task A_server_that_answers_everything_with_the_same_error_has_not_accepted_the_new_identity(int status)
    {
        await using var device = await RenamedAsync(new FaultRule { Kind = FaultKind.Status, Client = "CN=renamed", Status = status });
        device.Events.Await("failed", "est-id");
        for (var minute = 0; minute < 12 * 60; minute += 5) device.Advance(TimeSpan.FromMinutes(5));

        Assert.That(device.Served("est-id").Subject, Is.EqualTo("CN=device-1"));
        Assert.That(device.Keyd.CurrentSpki("est-id"), Is.EqualTo(device.Current("est-id")!.SpkiHash));
        Assert.That(device.Events.Count("issued", "est-id"), Is.InRange(3, 15), "another one is asked for, further and further apart");
        Assert.That(device.Identities.Count, Is.LessThanOrEqualTo(2), "connections with refused certificates are closed");
    }

    [Test]
    public async Task A_server_that_cannot_answer_csrattrs_alone_accepts_it()
    {
        await using var device = await RenamedAsync(new FaultRule { Kind = FaultKind.Status, Client = "CN=renamed", Route = "csrattrs", Status = 500 });
        device.Events.Await("committed", "est-id", 2);
        Assert.That(device.Served("est-id").Subject, Is.EqualTo("CN=renamed"));
    }

    [TestCase(400)]
    [TestCase(401)]
    [TestCase(403)]
    [Description("iis PR#392: there is no way back to the old key")]
    public async Task A_new_identity_that_is_refused_at_its_first_use_gives_way_to_the_one_before(int status)
    {
        var rule = new FaultRule { Kind = FaultKind.Status, Client = "CN=renamed", Route = "simpleenroll", Status = status };
        await using var device = await RenamedAsync(rule);
        device.Events.Await("committed", "est-id", 2);
        device.AwaitIdle();
        device.Restart();
        device.AwaitIdle();

        Assert.That(Use, Throws.Nothing, "the one before does the work");
        device.Events.Await("failed", "est-id");
        device.AwaitIdle();
        Message.Shown("credential_refused-first-use", device.Engine.Table.FindLocked("est-id")!.Problem!.AsShown());

        Assert.That(device.Served("est-id").Subject, Is.EqualTo("CN=device-1"));
        Assert.That(device.Keyd.FindKeyPair("est-id", device.Current("est-id")!.SpkiHash), Is.Not.Null);
        Assert.That(File.Exists(device.StoreFile("est-id.previous")), Is.False);
        device.Restart();
        device.AwaitIdle();
        Use();
        Assert.That(device.Keyd.FindKeyPair("est-id", device.Current("est-id")!.SpkiHash), Is.Not.Null);

        device.Simulator.Faults.Clear();
        for (var i = 0; i < 24; i++) device.Advance(TimeSpan.FromMinutes(5));
        Use();
        Assert.That(device.Served("est-id").Subject, Is.EqualTo("CN=renamed"));
        Assert.That(device.Keyd.Count("est-id"), Is.EqualTo(1));
        Assert.That(File.Exists(device.StoreFile("est-id.previous")), Is.False);

        void Use() => FirstUseTests.Use(device);
    }

    [Test]
    public async Task Refused_first_uses_come_further_and_further_apart()
    {
        await using var device = await RenamedAsync(new FaultRule { Kind = FaultKind.Status, Client = "CN=renamed", Route = "simpleenroll", Status = 401 });
        for (var minute = 0; minute < 8 * 60; minute += 10)
        {
            device.Advance(TimeSpan.FromMinutes(10));
            Use(device);
        }

        Assert.That(device.Events.Count("committed", "est-id"), Is.InRange(5, 16), () => device.Events.ToString());
        Assert.That(device.Keyd.FindKeyPair("est-id", device.Current("est-id")!.SpkiHash), Is.Not.Null);
    }

    [Test]
    public async Task A_refusal_that_meets_both_says_nothing_against_the_new_one()
    {
        await using var device = await RenamedAsync(new FaultRule { Kind = FaultKind.Status, Label = "module-server", Route = "simpleenroll", Status = 403 });
        device.Events.Await("committed", "est-id", 2);
        device.AwaitIdle();

        Assert.That(() => Use(device), Throws.TypeOf<ProblemException>().With.Property("Code").EqualTo("est_forbidden"));
        device.AwaitIdle();

        Assert.That(device.Served("est-id").Subject, Is.EqualTo("CN=renamed"));
        Assert.That(device.Keyd.Count("est-id"), Is.EqualTo(2), "it has not been used yet");
    }

    [Test]
    public async Task An_enrolment_that_was_begun_with_the_old_identity_is_no_use_of_the_new_one()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        var old = device.Engine.Identities.Shown(device.Engine.Table.Identity!);
        device.Stop();
        device.Configuration = RenewalTests.Named(device.Configuration, "renamed");
        device.Start();
        device.Events.Await("committed", "est-id", 2);
        device.AwaitIdle();

        var (csr, key) = Csr.Make("CN=server");
        device.Engine.Steps.Enroll(new EstOrder
        {
            Id = "module-server",
            Url = new Uri(device.Base + "/module-server"),
            Shown = old,
            Csr = CallerRequest.Read(csr).Der,
            SubjectPublicKeyInfo = key.ExportSubjectPublicKeyInfo(),
            Reenroll = false,
            CaWanted = false,
        }, CancellationToken.None);

        Assert.That(device.Keyd.Count("est-id"), Is.EqualTo(2));
        Assert.That(File.Exists(device.StoreFile("est-id.previous")), Is.True);
        Use(device);
        Assert.That(device.Keyd.Count("est-id"), Is.EqualTo(1));
        Assert.That(File.Exists(device.StoreFile("est-id.previous")), Is.False);
    }

    [Test]
    public async Task The_operators_file_comes_back_too()
    {
        await using var device = await OperatorFileTests.WithIdentityAsync();
        device.Advance(TimeSpan.FromDays(73));
        var renewed = device.Current("est-id")!;
        Assert.That(renewed.Kind, Is.EqualTo(StoredKind.Credential));
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Status, Service = SimulatorService.Est, Route = "simpleenroll", Status = 401, Count = 1 });

        Use(device);
        device.Events.Await("failed", "est-id");
        device.AwaitIdle();

        Assert.That(device.Current("est-id")!.Kind, Is.EqualTo(StoredKind.Operator), () => device.Events.ToString());
        device.Restart();
        device.AwaitIdle();
        Use(device);
    }

    private static async Task<TestDevice> RenamedAsync(FaultRule rule)
    {
        var device = await RenewalTests.ProvisionedAsync();
        device.Stop();
        device.Simulator.AddFault(rule with { Service = SimulatorService.Est });
        device.Configuration = RenewalTests.Named(device.Configuration, "renamed");
        device.Start();
        return device;
    }

    /// <summary>An enrolment with the EST identity.</summary>
    private static void Use(TestDevice device)
    {
        device.Issuer.Issue("module-server", Csr.Make("CN=server").Pem, null, CancellationToken.None);
        device.AwaitIdle();
    }

    private static byte[] Hash(byte[] spki) => System.Security.Cryptography.SHA256.HashData(spki);
}
