using EstProv.Identity.Provisioning;
using EstProv.LocalApi.Client;
using EstProv.Platform;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Identity.Tests;

/// <summary>The role as the executable runs it.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class DaemonTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("estprov-identity-").FullName;
    private readonly CancellationTokenSource _stopping = new();

    public void Dispose()
    {
        _stopping.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public void A_configuration_with_errors_ends_it_with_78() => Assert.That(IdentityDaemon.Run(Context("scope_id = 5\n")), Is.EqualTo(78));

    [Test]
    public void A_configuration_can_be_checked_without_serving()
    {
        Assert.That(IdentityDaemon.Run(Context(Good()) with { CheckOnly = true }), Is.Zero);
        Assert.That(IdentityDaemon.Run(Context("") with { CheckOnly = true }), Is.EqualTo(78));
        Assert.That(Directory.Exists(Path.Combine(_folder, "state")), Is.False);
    }

    [Test]
    public void A_state_folder_that_cannot_be_made_is_told()
    {
        var context = Context(Good());
        File.WriteAllText(Path.Combine(_folder, "state"), "");
        Assert.That(() => IdentityDaemon.Run(context), Throws.TypeOf<ProblemException>().With.Property("Code").EqualTo("state_folder"));
    }

    [Test]
    public void It_serves_before_anybody_else_does_and_ends_when_it_is_told_to()
    {
        var context = Context(Good());
        var run = Task.Run(() => IdentityDaemon.Run(context));
        using var client = new LocalClient(context.IdentitydSocket, "estprov-identityd", "Identity Service", TimeSpan.FromSeconds(20));
        SpinWait.SpinUntil(() => run.IsCompleted || File.Exists(context.IdentitydSocket), TimeSpan.FromSeconds(20));
        var text = System.Text.Encoding.UTF8.GetString(client.Send("GET", "/provisioning-status?api-version=2022-08-01").Body);
        Assert.That(text, Does.Contain("\"endpoint\":\"https://dps.example/\""));
        _stopping.Cancel();
        Assert.That(run.GetAwaiter().GetResult(), Is.Zero);
        Assert.That(File.Exists(context.IdentitydSocket), Is.False);
    }

    [Test]
    public void Principals_hold_without_a_restart_and_nobody_is_admitted_before()
    {
        var context = Context(Good());
        var run = Task.Run(() => IdentityDaemon.Run(context));
        using var client = new LocalClient(context.IdentitydSocket, "estprov-identityd", "Identity Service", TimeSpan.FromSeconds(20));
        SpinWait.SpinUntil(() => run.IsCompleted || File.Exists(context.IdentitydSocket), TimeSpan.FromSeconds(20));
        Assert.That(MaySee(client), Is.False, "root neither");
        File.WriteAllText(context.ConfigFile, $"{Good()}\n[[principal]]\nuid = {LocalApi.Users.Self}\nname = \"agent\"\n");
        Assert.That(SpinWait.SpinUntil(() => MaySee(client), TimeSpan.FromSeconds(20)));
        File.WriteAllText(context.ConfigFile, "[[principal");
        Assert.That(SpinWait.SpinUntil(() => !MaySee(client), TimeSpan.FromSeconds(2)), Is.False, "a broken file takes nothing away");
        File.WriteAllText(context.ConfigFile, Good());
        Assert.That(SpinWait.SpinUntil(() => !MaySee(client), TimeSpan.FromSeconds(20)));
        _stopping.Cancel();
        Assert.That(run.GetAwaiter().GetResult(), Is.Zero);
    }

    [Test]
    public void An_end_at_any_moment_finds_the_watch_over_the_certificate_ready()
    {
        using var certd = new LocalClient(Path.Combine(_folder, "none.sock"), "root", "Certificates Service", TimeSpan.FromSeconds(1));
        for (var i = 0; i < 300; i++)
        {
            using var stopping = new CancellationTokenSource();
            // An exception on its thread would end this process.
            new CertificateWatch(certd, static (_, _) => { }, stopping.Token).Start();
            if (i % 2 == 0) Thread.Yield();
            stopping.Cancel();
        }
    }

    private static bool MaySee(LocalClient client)
    {
        try
        {
            return client.Send("GET", "/identities/provisioning?api-version=2022-08-01").Status == 200;
        }
        catch (ProblemException problem) when (problem.Code == "forbidden")
        {
            return false;
        }
    }

    private string Good() => $"""
        homedir_path = "{_folder}/state"
        [provisioning]
        source = "dps"
        scope_id = "0neTEST"
        global_endpoint = "https://dps.example"
        [provisioning.attestation]
        method = "x509"
        identity_cert = "device-id"
        identity_pk = "device-id"
        """;

    private DaemonContext Context(string configuration)
    {
        var file = Path.Combine(_folder, "identityd.toml");
        File.WriteAllText(file, configuration);
        return new DaemonContext
        {
            ConfigFile = file,
            ConfigDir = Path.Combine(_folder, "identityd.d"),
            RuntimeDir = _folder,
            Loggers = NullLoggerFactory.Instance,
            Time = TimeProvider.System,
            BuildTime = DateTimeOffset.UtcNow.AddDays(-7),
            Stopping = _stopping.Token,
        };
    }
}
