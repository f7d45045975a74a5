using EstProv.Certificates.Client;
using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Support;
using EstProv.Configuration;
using EstProv.Configuration.Certd;
using EstProv.Messages;
using EstProv.Platform;
using EstProv.Simulator;
using EstProv.Simulator.Est;
using EstProv.Simulator.Faults;

namespace EstProv.Certificates.Tests.Engine;

/// <summary>Each fault ends in a message that says what to do, and goes away by itself when its cause does.</summary>
public sealed class FaultTests
{
    private static IEnumerable<TestCaseData> Faults
    {
        get
        {
            yield return Case(FaultKind.Status, "est_unauthorized", rule => rule with { Status = 401 });
            yield return Case(FaultKind.Status, "est_forbidden", rule => rule with { Status = 403 });
            yield return Case(FaultKind.Status, "est_not_found", rule => rule with { Status = 404 });
            yield return Case(FaultKind.Status, "est_server_error", rule => rule with { Status = 500 });
            yield return Case(FaultKind.Status, "est_busy", rule => rule with { Status = 503, RetryAfter = 7 });
            yield return Case(FaultKind.Reset, "est_reset");
            yield return Case(FaultKind.NotPkcs7, "est_bad_answer");
            yield return Case(FaultKind.EmptyPkcs7, "est_bad_answer");
            yield return Case(FaultKind.WrongKey, "est_wrong_key");
            yield return Case(FaultKind.WrongIssuer, "est_chain");
            yield return Case(FaultKind.Expired, "est_expired");
            yield return Case(FaultKind.NotYetValid, "est_not_yet_valid");
            yield return Case(FaultKind.IsCa, "est_is_ca");
            yield return Case(FaultKind.TlsName, "est_tls_name");
            yield return Case(FaultKind.TlsUnknownCa, "est_tls_untrusted");
            yield return Case(FaultKind.TlsExpired, "est_tls_expired");
            yield return Case(FaultKind.TlsClientAlert, "est_tls_alert");

            static TestCaseData Case(FaultKind kind, string code, Func<FaultRule, FaultRule>? more = null)
            {
                var rule = new FaultRule { Kind = kind, Service = SimulatorService.Est };
                if (kind is not (FaultKind.TlsName or FaultKind.TlsUnknownCa or FaultKind.TlsExpired or FaultKind.TlsClientAlert))
                    rule = rule with { Label = "device-id", Route = "simpleenroll" };
                rule = more?.Invoke(rule) ?? rule;
                return new TestCaseData(rule, code).SetArgDisplayNames(code);
            }
        }
    }

    [TestCaseSource(nameof(Faults))]
    [Description("ie#6960: nobody can tell which URL and which credential serve which step; iis#483: the cause of a TLS alert is hidden")]
    public async Task A_fault_of_the_server_is_told_and_survived(FaultRule rule, string code)
    {
        await using var device = await TestDevice.CreateAsync();
        var fault = device.Simulator.AddFault(rule);
        device.Start();

        var failed = device.Ensure("device-id");

        Assert.That(failed.State, Is.EqualTo(CredentialState.Pending));
        Assert.That(failed.Problem!.Code, Is.EqualTo(code), () => failed.Problem.ToString());
        Assert.That(failed.Problem.Message, Does.Contain("/.well-known/est").Or.Contain("/.well-known/est/est-id"));

        device.Simulator.Faults.Remove(fault);
        device.Advance(TimeSpan.FromMinutes(1));
        var answer = device.Ensure("device-id");

        Assert.That(answer.State, Is.EqualTo(CredentialState.Staged), () => answer.Problem + "\n" + device.Events);
        Assert.That(device.Keyd.Count("device-id"), Is.EqualTo(1), "the key of the failed attempt is used");
    }

    [Test]
    public async Task A_server_that_issues_no_ca_certificates_is_told_and_no_device_ca_comes_of_it()
    {
        await using var device = await TestDevice.CreateAsync(new EstOptions { SingleProfile = EstProfile.Client });
        device.Configuration = ProvisioningTests.WithLocalMint(device.Configuration);
        device.Start();

        var answer = device.Ensure("device-id");

        Assert.That(answer.Problem!.Code, Is.EqualTo("est_not_ca"), "the device identity's problem is the one of what it waits for");
        Assert.That(answer.Problem.Hint, Is.Not.Empty);
        Assert.That(device.Current("device-ca"), Is.Null);
    }

    [Test]
    public async Task Attempts_come_further_and_further_apart_and_never_faster_than_the_first_gap()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Status, Service = SimulatorService.Est, Status = 500 });
        device.Start();
        device.Ensure("device-id");
        for (var minute = 0; minute < 60 * 60; minute += 10) device.Advance(TimeSpan.FromSeconds(10));

        var gaps = device.Events.All.Where(seen => seen is { Kind: "failed", Id: "est-id" }).Select(seen => double.Parse(seen.Fields["retrySeconds"]!)).ToList();
        Assert.That(gaps[0], Is.InRange(1, 2));
        Assert.That(gaps.Skip(1).Zip(gaps, (later, earlier) => later / earlier).Take(6), Has.All.GreaterThan(1.2));
        Assert.That(gaps[^1], Is.InRange(240, 360));
        Assert.That(device.Events.Count("failed", "device-id"), Is.Zero, "what waits for another certificate does not count as failed");
    }

    [Test]
    public async Task Retry_after_is_obeyed()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Status, Service = SimulatorService.Est, Label = "est-id", Route = "simpleenroll", Status = 503, RetryAfter = 600, Count = 1 });
        device.Start();
        device.Ensure("device-id");

        device.Advance(TimeSpan.FromSeconds(590));
        Assert.That(device.Asked.Count(asked => asked.StartsWith("simpleenroll", StringComparison.Ordinal)), Is.EqualTo(1));
        device.Advance(TimeSpan.FromSeconds(620));
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Staged));
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    [TestCase(5)]
    [TestCase(8)]
    [TestCase(11)]
    [TestCase(14)]
    [TestCase(17)]
    public async Task Keyd_may_go_down_at_any_call_and_come_back(int call)
    {
        await using var device = await TestDevice.CreateAsync();
        device.Keyd.DownAt = call;
        device.Start();
        var answer = device.Ensure("device-id");
        for (var i = 0; i < 50 && answer.State != CredentialState.Staged; i++)
        {
            if (i == 3) device.Keyd.IsDown = false;
            device.Advance(TimeSpan.FromSeconds(2));
            answer = device.Requests.Ensure("device-id", "device-id", null, TimeSpan.Zero, true, CancellationToken.None);
        }

        Assert.That(answer.State, Is.EqualTo(CredentialState.Staged), () => device.Events.ToString());
        (device.Keyd.IsDown, device.Keyd.DownAt) = (false, 0);
        device.Provision();
        Assert.That(device.Keyd.Count("device-id"), Is.EqualTo(1));
        Assert.That(device.Keyd.CurrentSpki("device-id"), Is.EqualTo(device.Current("device-id")!.SpkiHash));
    }

    [TestCase("keyd_unreachable")]
    [TestCase("too_many_requests")]
    [TestCase("too_many_connections")]
    [TestCase("deadline")]
    [TestCase("stopping")]
    [Description("a device that starts slowly: certd was up before keyd, and a renewal that was due waited for six minutes")]
    public async Task A_renewal_that_keyd_had_no_time_for_is_tried_within_seconds_and_has_not_failed(string code)
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        var before = device.Current("est-id")!;
        (device.Keyd.IsDown, device.Keyd.DownAs) = (true, code);
        device.Advance(TimeSpan.FromDays(80));
        Assert.That(device.Current("est-id")!.Spki, Is.EqualTo(before.Spki));
        Assert.That(device.Engine.Table.FindLocked("est-id")!.Problem!.Code, Is.EqualTo(code));

        device.Keyd.IsDown = false;
        device.Advance(TimeSpan.FromSeconds(11));

        Assert.That(device.Current("est-id")!.Spki, Is.Not.EqualTo(before.Spki), () => device.Events.ToString());
        Assert.That(device.Events.Await("failed", "est-id").Fields["attempt"], Is.EqualTo("1"));
    }

    [Test]
    public async Task A_confirmation_holds_although_keyd_goes_down_before_it_could_follow()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Start(step => device.Keyd.IsDown |= step == "committed" && device.Events.Count("committed", "est-id") > 0);
        var answer = device.Ensure("device-id");
        var spki = CertificateFacts.SpkiOf(PemText.Parse(answer.ChainPem!)[0]);

        device.Requests.Confirm("device-id", spki, CancellationToken.None);

        Assert.That(device.Current("device-id")!.Spki, Is.EqualTo(spki));
        device.Keyd.IsDown = false;
        for (var i = 0; i < 20 && device.Keyd.CurrentSpki("device-id") is null; i++) device.Advance(TimeSpan.FromSeconds(1));
        Assert.That(device.Keyd.CurrentSpki("device-id"), Is.EqualTo(device.Current("device-id")!.SpkiHash));
    }

    [Test]
    public async Task A_full_disk_leaves_the_old_state_and_is_retried()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Start();
        // No room for the staged file: a folder has its temporary name.
        var obstacle = device.StoreFile("device-id.staged.tmp");
        Directory.CreateDirectory(obstacle);

        var failed = device.Ensure("device-id");

        Assert.That(failed.Problem!.Code, Does.StartWith("file_"), () => device.Events.ToString());
        Assert.That(device.Current("est-id"), Is.Not.Null);
        Directory.Delete(obstacle);
        device.Advance(TimeSpan.FromSeconds(10));
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Staged));
    }

    [Test]
    public async Task Where_the_server_has_no_cacerts_the_anchors_judge()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Status, Service = SimulatorService.Est, Route = "cacerts", Status = 404 });
        device.Start();
        Assert.That(device.Ensure("device-id").Problem!.Code, Is.EqualTo("est_chain"), "est-ca did not issue it");

        var (server, devices) = (device.Simulator.Pki.EstServer.Certificate, device.Simulator.Pki.Identity.Certificate);
        await File.WriteAllTextAsync(device.FileOf("anchors.pem"), PemText.Of([server, devices, device.Simulator.Pki.DeviceIdentity.Certificate]));
        device.Stop();
        device.Configuration = device.Configuration with
        {
            PreloadedFiles = new Dictionary<string, Positioned<string>>(device.Configuration.PreloadedFiles) { ["est-ca"] = TestDevice.At(device.FileOf("anchors.pem")) },
        };
        device.Start();
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Staged), () => device.Events.ToString());
    }

    [Test]
    public async Task A_missing_trust_bundle_is_told_and_read_when_it_comes()
    {
        await using var device = await TestDevice.CreateAsync();
        var late = device.FileOf("late-ca.cer");
        device.Configuration = device.Configuration with
        {
            PreloadedFiles = new Dictionary<string, Positioned<string>>(device.Configuration.PreloadedFiles) { ["est-ca"] = TestDevice.At(late) },
        };
        device.Start();

        var failed = device.Ensure("device-id");

        Assert.That(failed.Problem!.Message, Does.Contain(late));
        Message.Shown("preloaded_missing", failed.Problem.AsShown(), device.Names);
        File.Copy(device.Simulator.Pki.CertificatePath(device.Simulator.Pki.EstServer), late);
        device.Advance(TimeSpan.FromSeconds(10));
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Staged));
    }

    [Test]
    public async Task A_bootstrap_certificate_without_its_key_is_told()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Keyd.Lose("bootstrap");
        device.Start();
        var spki = CertificateFacts.SpkiOf(PemText.Parse(File.ReadAllText(device.FileOf("bootstrap.cer")))[0]);
        Message.Shown("key_mismatch-bootstrap", device.Ensure("device-id").Problem!.AsShown(), (spki, "SHA256"));
    }

    [TestCase("preloaded_unreadable", "a folder")]
    [TestCase("preloaded_no_certificate", "no certificate\n")]
    [TestCase("preloaded_no_certificate-cut", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")]
    public async Task A_bootstrap_file_that_cannot_be_used_is_told_by_its_path(string name, string content)
    {
        await using var device = await TestDevice.CreateAsync();
        var file = device.FileOf("bootstrap.cer");
        var good = await File.ReadAllTextAsync(file);
        File.Delete(file);
        if (content == "a folder") Directory.CreateDirectory(file);
        else await File.WriteAllTextAsync(file, content);
        device.Start();

        Message.Shown(name, device.Ensure("device-id").Problem!.AsShown(), device.Names);

        if (content == "a folder") Directory.Delete(file);
        await File.WriteAllTextAsync(file, good);
        device.Advance(TimeSpan.FromSeconds(10));
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Staged), () => device.Events.ToString());
    }

    [Test]
    public async Task An_est_identity_whose_key_is_gone_is_told_where_the_bootstrap_identity_may_not_help()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        device.Stop();
        device.Configuration = device.Configuration with
        {
            Est = device.Configuration.Est! with { BootstrapUse = BootstrapUse.FirstIssue },
        };
        device.Keyd.Lose("est-id");
        device.Start();
        device.Events.Await("failed", "est-id");
        device.AwaitIdle();
        Message.Shown("key_not_found-est-identity", device.Engine.Table.FindLocked("est-id")!.Problem!.AsShown());
        Message.Shown("key_not_found-certificate", Assert.Throws<ProblemException>(() => device.Reader.Read("est-id"))!);
    }

    [Test]
    public async Task An_anchor_that_is_cut_is_told_and_read_when_it_is_whole()
    {
        await using var device = await TestDevice.CreateAsync();
        await File.WriteAllTextAsync(device.FileOf("est-ca.pem"), "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
        device.PreloadFile("est-ca", "est-ca.pem");
        device.Start();
        Message.Shown("preloaded_no_certificate-anchor", device.Ensure("device-id").Problem!.AsShown(), device.Names);
        File.Copy(device.Simulator.Pki.CertificatePath(device.Simulator.Pki.EstServer), device.FileOf("est-ca.pem"), overwrite: true);
        device.Advance(TimeSpan.FromSeconds(10));
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Staged), () => device.Events.ToString());
    }

    [Test]
    public async Task Nothing_to_verify_a_server_against_is_told_and_a_bundle_that_names_nothing()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Configuration = device.Configuration with { PreloadedBundles = new Dictionary<string, Positioned<IReadOnlyList<string>>>() };
        device.Start();
        Message.Shown("est_no_trust", device.Ensure("device-id").Problem!.AsShown(), device.Names);
        device.Stop();
        device.Configuration = device.Configuration with
        {
            PreloadedBundles = new Dictionary<string, Positioned<IReadOnlyList<string>>>
            {
                ["trust-bundle"] = TestDevice.At<IReadOnlyList<string>>(["module-root"]),
            },
        };
        device.Start();
        Message.Shown("certificate_not_found-bundle",
            Assert.Throws<ProblemException>(() => device.Reader.Read("trust-bundle"))!, device.Names);
    }

    [Test]
    public async Task A_certificate_that_somebody_works_on_is_not_forgotten_beneath_him()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        device.HangEst("est-id");
        var identity = device.Engine.Table.FindLocked("est-id")!;
        device.Time.Advance(TimeSpan.FromDays(75));
        Assert.That(() => identity.Busy, Is.True.After(5000, 5), "its renewal hangs in the server");
        // Whoever asks has no patience.
        Message.Shown("certificate_busy",
            Assert.Throws<ProblemException>(() => device.Requests.Forget("est-id", new CancellationToken(true)))!);
    }

    [Test]
    public async Task Who_does_not_wait_for_the_est_identity_is_told_that_it_is_to_come()
    {
        await using var device = await TestDevice.CreateAsync();
        device.HangEst("est-id");
        device.Start();
        void Ask() => device.Issuer.Issue("module-server", Csr.Make("CN=server").Pem, null, new CancellationToken(true));
        Message.Shown("certificate_pending", Assert.Throws<ProblemException>(Ask)!);
    }

    [Test]
    public async Task A_step_that_nobody_foresaw_to_fail_is_told_as_a_fault_of_ours_and_tried_again()
    {
        await using var device = await TestDevice.CreateAsync();
        var isBroken = true;
        device.Start(step =>
        {
            if (isBroken) throw new InvalidOperationException(step);
        });
        Message.Shown("internal", device.Ensure("device-id").Problem!.AsShown());
        isBroken = false;
        device.Advance(TimeSpan.FromSeconds(10));
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Staged), () => device.Events.ToString());
    }

    [Test]
    [Description("iis PR#392: one fatal error ends the renewal for ever")]
    public async Task What_nobody_foresaw_does_not_stop_the_clockwork()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        var before = device.Current("est-id")!.Spki;
        // No file can have this name, which no reader of files expects.
        var files = (Dictionary<string, Positioned<string>>)device.Configuration.PreloadedFiles;
        files["est-id"] = TestDevice.At("\0");
        Assert.That(() => device.Advance(TimeSpan.FromMinutes(6)), Throws.Nothing);
        files.Remove("est-id");

        for (var day = 0; day < 80; day++) device.Advance(TimeSpan.FromDays(1));
        Assert.That(device.Current("est-id")!.Spki, Is.Not.EqualTo(before));
    }

    [Test]
    public async Task The_bootstrap_identity_is_rationed()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Start();
        for (var i = 0; i < 10; i++) device.Engine.Bootstrap.Take();
        Message.Shown("bootstrap_rate", device.Ensure("device-id").Problem!.AsShown());
        device.Advance(TimeSpan.FromMinutes(15));
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Staged), () => device.Events.ToString());
    }

    [Test]
    public async Task A_slow_server_delays_neither_reads_nor_other_certificates()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Configuration = ProvisioningTests.WithLocalMint(device.Configuration);
        device.Start();
        device.Provision();
        device.HangEst("est-id");
        device.AwaitIdle();
        var identity = device.Engine.Table.FindLocked("est-id")!;
        device.Time.Advance(TimeSpan.FromDays(75));
        Assert.That(() => identity.Busy, Is.True.After(5000, 5), "its renewal hangs in the server");

        var pem = device.Issuer.Issue("module-server", Csr.Make("CN=server").Pem, null, CancellationToken.None);
        Assert.That(PemText.Parse(pem)[0].Subject, Is.EqualTo("CN=server"));
        Assert.That(device.Served("device-id"), Is.Not.Null);
        Assert.That(device.Ensure("est-id").State, Is.EqualTo(CredentialState.Current));
        Assert.That(device.Engine.Table.FindLocked("est-id")!.Busy, Is.True);
    }
}
