using EstProv.Certificates.Client;
using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Support;
using EstProv.Configuration.Certd;

namespace EstProv.Certificates.Tests.Engine;

/// <summary>The Certificates Service ends between two steps, at each of them, and starts again over the same folder and the same keyd.</summary>
public sealed class CrashTests
{
    /// <summary>The process is gone: nothing after it happens.</summary>
    private sealed class Crash : Exception;

    private static IEnumerable<int> Points => Enumerable.Range(1, 28);

    [TestCaseSource(nameof(Points))]
    public async Task A_first_issue_that_ends_at_any_step_is_completed_by_the_next_start(int point)
    {
        await using var device = await TestDevice.CreateAsync();
        device.Configuration = ProvisioningTests.WithLocalMint(device.Configuration);
        CrashAt(device, point, () => device.Requests.Ensure("device-id", "device-id", null, TimeSpan.FromSeconds(5), true, CancellationToken.None));

        device.Start();
        Complete(device);
    }

    [TestCaseSource(nameof(Points))]
    [Description("te#3541: promoted in one step, or not at all")]
    public async Task A_renewal_that_ends_at_any_step_is_completed_by_the_next_start(int point)
    {
        await using var device = await TestDevice.CreateAsync();
        device.Start();
        var first = device.Provision();
        var identity = device.Current("est-id")!.Spki;
        device.Stop();
        device.Advance(TimeSpan.FromDays(80));

        CrashAt(device, point, () =>
        {
            var answer = device.Ensure("device-id");
            if (answer.State == CredentialState.Staged) device.Requests.Confirm("device-id", CertificateFacts.SpkiOf(PemText.Parse(answer.ChainPem!)[0]), CancellationToken.None);
        });
        device.Start();
        var served = device.Served("device-id");
        Assert.That(device.Keyd.FindKeyPair("device-id", Hash(CertificateFacts.SpkiOf(served))), Is.Not.Null, "what is served has its key");
        Renewed(device, "est-id", identity);
        Renewed(device, "device-id", CertificateFacts.SpkiOf(first));
        Complete(device);
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_commit_that_failed_after_its_rename_is_completed_whatever_comes_next(bool confirmed)
    {
        await using var device = await TestDevice.CreateAsync();
        device.Start();
        device.Provision();
        device.AwaitIdle();
        device.Advance(TimeSpan.FromDays(80));
        var staged = CertificateFacts.SpkiOf(PemText.Parse(device.Ensure("device-id").ChainPem!)[0]);
        // What the sync of the folder leaves behind that fails.
        File.Move(device.StoreFile("device-id.staged"), device.StoreFile("device-id.cert"), overwrite: true);

        if (confirmed) device.Requests.Confirm("device-id", staged, CancellationToken.None);
        else device.Requests.Refuse("device-id", staged, "somebody did not like it", CancellationToken.None);

        Assert.That(() => device.Current("device-id")!.Spki, Is.EqualTo(staged).After(5000, 10));
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Current));
        device.Restart();
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Current));
        Assert.That(device.Current("device-id")!.Spki, Is.EqualTo(staged));
        Assert.That(device.Keyd.CurrentSpki("device-id"), Is.EqualTo(Hash(staged)));
    }

    private static void Renewed(TestDevice device, string id, string before)
    {
        var until = Environment.TickCount64 + 20_000;
        while (device.Current(id)!.Spki == before)
        {
            Assert.That(Environment.TickCount64, Is.LessThan(until), () => $"'{id}' is not renewed:\n{device.Events}");
            var answer = device.Requests.Ensure("device-id", "device-id", null, TimeSpan.Zero, true, CancellationToken.None);
            if (answer.State == CredentialState.Staged) Confirm(device);
            else device.Advance(TimeSpan.FromMinutes(2));
        }
    }

    private static void Confirm(TestDevice device)
    {
        var answer = device.Ensure("device-id");
        Assert.That(answer.ChainPem, Is.Not.Null, () => $"{answer.Problem}\n{device.Events}");
        device.Requests.Confirm("device-id", CertificateFacts.SpkiOf(PemText.Parse(answer.ChainPem!)[0]), CancellationToken.None);
    }

    private static void Complete(TestDevice device)
    {
        Confirm(device);
        // A use of each, after which the keys before are gone.
        device.Requests.Ensure("device-id", "device-id", null, TimeSpan.FromSeconds(5), true, CancellationToken.None);
        device.Issuer.Issue("module-server", Csr.Make("CN=server").Pem, null, CancellationToken.None);
        foreach (var id in new[] { "est-id", "device-id" })
        {
            Assert.That(device.Current(id), Is.Not.Null, id);
            Assert.That(device.Keyd.FindKeyPair(id, device.Current(id)!.SpkiHash), Is.Not.Null, $"the key of {id}");
            Assert.That(device.Keyd.CurrentSpki(id), Is.EqualTo(device.Current(id)!.SpkiHash), $"keyd's current key of {id}");
            Assert.That(CertificateFacts.SpkiOf(device.Served(id)), Is.EqualTo(device.Current(id)!.Spki), $"what is served of {id}");
        }

        Assert.That(device.Keyd.Count("device-id"), Is.EqualTo(1), "no orphans");
        Assert.That(Directory.GetFiles(Path.Combine(device.Configuration.HomedirPath, "certs"), "*.staged"), Is.Empty);
        Assert.That(Directory.GetFiles(Path.Combine(device.Configuration.HomedirPath, "certs"), "*.pending"), Is.Empty);
        if (device.Configuration.Issuance["module-server"].Method == IssuanceMethod.Est) Assert.That(device.Keyd.Count("est-id"), Is.EqualTo(1), "no orphans");
    }

    private static byte[] Hash(string spki) => System.Buffers.Text.Base64Url.DecodeFromChars(spki);

    /// <summary>Runs until the point of the given number, where everything of this process stops; it may be over before.</summary>
    private static void CrashAt(TestDevice device, int point, Action run)
    {
        var passed = 0;
        using var dead = new ManualResetEventSlim();
        device.Start(_ =>
        {
            if (Interlocked.Increment(ref passed) < point) return;
            dead.Set();
            throw new Crash();
        });
        try
        {
            var runner = new Thread(() =>
            {
                try
                {
                    run();
                }
                catch (Exception)
                {
                    // The caller's connection broke.
                    return;
                }
            });
            runner.Start();
            while (runner.IsAlive && !dead.IsSet) dead.Wait(20);
            device.Stop();
            runner.Join();
        }
        finally
        {
            device.Stop();
        }
    }
}
