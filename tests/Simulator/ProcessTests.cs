using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;

namespace EstProv.Simulator.Tests;

/// <summary>The program as others start it.</summary>
internal sealed class ProcessTests
{
    private DirectoryInfo _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("estprov-simulator-");

    [TearDown]
    public void RemoveFolder() => _folder.Delete(recursive: true);

    [Test]
    public async Task It_says_where_it_listens_and_ends_on_sigterm()
    {
        using var process = Start("--data", _folder.FullName, "--retry-after", "0");
        string? line;
        do
        {
            line = await process.StandardOutput.ReadLineAsync();
        }
        while (line is not null && !line.Contains("listening", StringComparison.Ordinal));

        var ports = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(_folder.FullName, "ports.json")))!;
        using var control = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{ports["control"]}/") };
        var state = await control.GetStringAsync("state");
        using (var kill = Process.Start("kill", ["-TERM", process.Id.ToString()]))
        {
            await kill.WaitForExitAsync();
        }

        await process.WaitForExitAsync(new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token);

        Assert.That((int?)ports["pid"], Is.EqualTo(process.Id));
        Assert.That(state, Does.Contain("\"requests\""));
        Assert.That(process.ExitCode, Is.Zero);
        Assert.That(File.Exists(Path.Combine(_folder.FullName, "ports.json")), Is.False);
    }

    [Test]
    public async Task The_operators_commands_sign_requests()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var csr = Path.Combine(_folder.FullName, "device.csr");
        var pki = Path.Combine(_folder.FullName, "pki");
        await File.WriteAllTextAsync(csr, new CertificateRequest("CN=dev1", key, HashAlgorithmName.SHA256).CreateSigningRequestPem());

        Assert.That(await RunAsync("--data", pki, "--init"), Is.Zero);
        Assert.That(await RunAsync("sign-bootstrap", "--data", pki, "--csr", csr, "--out", csr + ".cer", "--days", "10"), Is.Zero);
        Assert.That(await RunAsync("issue-est-id", "--data", pki, "--csr", csr, "--out", csr + ".pem"), Is.Zero);

        var bootstrap = new X509Certificate2Collection();
        bootstrap.ImportFromPemFile(csr + ".cer");
        var estId = new X509Certificate2Collection();
        estId.ImportFromPemFile(csr + ".pem");
        Assert.That(bootstrap.Single().Issuer, Does.Contain("Bootstrap CA"));
        Assert.That(bootstrap[0].NotAfter.ToUniversalTime(), Is.EqualTo(DateTime.UtcNow.AddDays(10)).Within(TimeSpan.FromMinutes(5)));
        Assert.That(estId.Select(c => c.Subject), Is.EqualTo((string[])["CN=dev1", estId[0].Issuer]));
        Assert.That(File.GetUnixFileMode(Path.Combine(pki, "bootstrap-ca.key")), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
    }

    [TestCase("--nonsense")]
    [TestCase("--est-port", "many")]
    [TestCase("--quirks", "apache")]
    [TestCase("--basic", "factory:/no/such/file")]
    [TestCase("--options", "/no/such/file")]
    public async Task A_wrong_command_line_is_refused(params string[] more)
        => Assert.That(await RunAsync(["--data", _folder.FullName, .. more]), Is.EqualTo(2));

    [Test]
    public async Task Options_come_from_a_file_too()
    {
        var file = Path.Combine(_folder.FullName, "options.json");
        await File.WriteAllTextAsync(file, """
            {"retryAfter": 3, "est": {"labels": {"default": {"profile": "client", "bootstrap": true, "validity": 60, "csrAttributes": "MAkGByqGSM49AgE="}},
                                      "basicUsers": {"factory": "secret"}, "require": "basic", "quirks": {"columns": 64, "noChallenge": true}}}
            """);

        var options = new CommandLine(["--data", "/d", "--options", file, "--quirks=libest", "--hub-host", "a", "--hub-host", "b"]).Options();

        Assert.That((options.Data, options.RetryAfter, options.Est.Require), Is.EqualTo(("/d", 3, Simulator.Est.EstRequirement.Basic)));
        Assert.That(options.Est.Labels.Keys, Is.EqualTo((string[])["default"]));
        Assert.That(options.Est.BasicUsers["factory"], Is.EqualTo("secret"));
        Assert.That(options.Est.Quirks.Tls12Only, Is.True);
        Assert.That(options.HubHosts, Is.EqualTo((string[])["a", "b"]));
    }

    [Test]
    public async Task Enrolments_quotas_and_gateways_are_options_too()
    {
        var file = Path.Combine(_folder.FullName, "options.json");
        await File.WriteAllTextAsync(file, """
            {"dpsLimits": {"registrationsPerMinute": 200, "pollsPerTenSeconds": 5},
             "enrollments": [{"enrollmentGroupId": "line-a", "attestation": "symmetric-key", "reprovision": "reset", "payload": {"ring": 1}}]}
            """);

        var options = new CommandLine(["--data", "/d", "--options", file, "--gateway-host", "g.example"]).Options();

        Assert.That((options.DpsLimits.RegistrationsPerMinute, options.DpsLimits.PollsPerTenSeconds), Is.EqualTo((200, 5)));
        Assert.That(options.GatewayHosts, Is.EqualTo((string[])["g.example"]));
        var group = options.Enrollments.Single();
        Assert.That((group.EnrollmentGroupId, group.Reprovision), Is.EqualTo(("line-a", Simulator.Dps.ReprovisionPolicy.Reset)));
        Assert.That((int?)group.Payload!["ring"], Is.EqualTo(1));
    }

    private static Process Start(params string[] arguments)
        => Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "estprov-simulator"), arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;

    private static async Task<int> RunAsync(params string[] arguments)
    {
        using var process = Start(arguments);
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        await TestContext.Progress.WriteLineAsync(await output + await error);
        return process.ExitCode;
    }
}
