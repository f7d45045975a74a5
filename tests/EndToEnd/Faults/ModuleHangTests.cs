using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using EstProv.EndToEnd.Tests.Support;
using EstProv.Keys.Client;
using EstProv.Keys.Tests;
using EstProv.Platform;

namespace EstProv.EndToEnd.Tests.Faults;

/// <summary>A module whose call never returns, and one that takes the process with it.</summary>
public sealed partial class ModuleHangTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);
    private FaultyKeyd _keyd = null!;

    [SetUp]
    public void Prepare() => _keyd = new FaultyKeyd();

    [TearDown]
    public void Stop() => _keyd.Dispose();

    [Test]
    public void A_call_that_never_returns_costs_its_caller_only_and_the_daemon_starts_anew_with_its_sockets()
    {
        _keyd.Start();
        var key = _keyd.Keys.CreateKeyPair("device-id", "ec-p256");
        using var load = new SigningLoad(_keyd.Socket, key, clients: 4, TimeSpan.FromSeconds(8));
        load.WaitForSignatures(50);
        _keyd.Faults.Order("C_Sign", "hang");
        _keyd.Process.WaitForLine("code=module_hangs", s_patience);
        _keyd.Process.WaitForLine("serving on", s_patience, skip: 1);
        load.WaitForSignatures(load.Count + 200);
        load.Stop();
        TestContext.Out.WriteLine($"{load.Failures.Count} of {load.Count + load.Failures.Count} requests failed: {string.Join("; ", load.Failures)}");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(_keyd.Process.HasExited, Is.False, "the process is the same one");
            Assert.That(load.Failures, Has.Count.EqualTo(1), "the caller whose request hangs");
            Assert.That(load.Failures[0], Does.Contain("code=deadline").Or.Contains("code=stopping"));
            Assert.That(_keyd.Process.CountLines("serving on"), Is.EqualTo(2));
            Assert.That(Descriptors(), Has.None.Contains("/deleted").And.Count.LessThan(60), "nothing of the earlier program stays open");
        }

        Assert.That(_keyd.Process.Terminate(), Is.Zero);
        Assert.That(File.Exists(_keyd.Socket), Is.False);
    }

    [Test]
    public void A_module_that_always_hangs_gives_no_loop_and_every_caller_his_answer()
    {
        _keyd.Start();
        var key = _keyd.Keys.CreateKeyPair("device-id", "ec-p256");
        _keyd.Faults.Order("C_Sign", "hang", count: 1000);
        for (var request = 0; request < 3; request++)
        {
            var problem = Assert.Throws<ProblemException>(() => Sign(key))!;
            Assert.That(problem.Code, Is.EqualTo("deadline").Or.EqualTo("stopping"));
        }

        Assert.That(_keyd.Process.CountLines("serving on"), Is.LessThanOrEqualTo(3), "15 s: one at once, and one after 10 s");
        _keyd.Faults.ClearOrders();
        _keyd.Faults.Release();
        Assert.That(() => Sign(key), Throws.Nothing);
    }

    [Test]
    public void A_login_that_never_returns_is_overcome_as_well()
    {
        _keyd.Faults.Order("C_Login", "hang");
        _keyd.Start();
        Assert.That(() => _keyd.Keys.CreateKeyPair("device-id", "ec-p256"), Throws.Nothing.After(60_000, 500));
        Assert.That(_keyd.Process.CountLines("code=module_hangs"), Is.EqualTo(1));
    }

    [Test]
    public void A_module_that_crashes_is_restarted_by_the_parent_and_the_socket_keeps_the_callers()
    {
        Directory.CreateDirectory(_keyd.RuntimeDir);
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(_keyd.Socket));
        listener.Listen(128);
        var descriptor = (int)listener.SafeHandle.DangerousGetHandle();
        _ = FileControl(descriptor, 2, 0); // it is inherited
        _keyd.StartOn(descriptor);
        var key = _keyd.Keys.CreateKeyPair("device-id", "ec-p256");
        _keyd.Faults.Order("C_Sign", "crash");
        Assert.Throws<ProblemException>(() => Sign(key));
        _keyd.Process.WaitForExit(s_patience);

        // Nobody serves, and yet nobody is turned away.
        byte[]? signature = null;
        var caller = new Thread(() => signature = Sign(key));
        caller.Start();
        _keyd.StartOn(descriptor);
        caller.Join();
        Assert.That(signature, Is.Not.Null);

        // A hang with an inherited socket: it is handed on too.
        _keyd.Faults.Order("C_Sign", "hang");
        Assert.Throws<ProblemException>(() => Sign(key));
        _keyd.Process.WaitForLine("serving on", s_patience, skip: 1);
        Assert.That(() => Sign(key), Throws.Nothing);
        Assert.That(_keyd.Process.Terminate(), Is.Zero);
        Assert.That(File.Exists(_keyd.Socket), Is.True, "systemd's socket is systemd's");
    }

    private byte[] Sign(KeyReference key) => _keyd.Keys.SignDigest(key.Handle, SignatureScheme.Ecdsa, HashAlgorithmName.SHA256, SHA256.HashData("m"u8));

    private List<string> Descriptors() =>
        [.. Directory.GetFiles($"/proc/{_keyd.Process.Id}/fd").Select(static file => File.ResolveLinkTarget(file, returnFinalTarget: false)?.FullName ?? "")];

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int FileControl(int descriptor, int command, int argument);
}
