using System.Security.Cryptography;
using System.Text;
using EstProv.EndToEnd.Tests.Support;
using EstProv.Keys.Client;
using EstProv.Platform;
using Net.Pkcs11Interop.Common;

namespace EstProv.EndToEnd.Tests.Faults;

/// <summary>A PIN stands where it must, and nowhere else.</summary>
public sealed class SecretTests
{
    private const string WrongPin = "s3cret-wrong-PIN-7fd1";
    private const string APin = "s3cret-PIN-that-is-looked-for-51c7";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    [Test]
    public void A_PIN_is_in_no_log_error_command_line_environment_and_file_of_ours()
    {
        using var keyd = new FaultyKeyd(WrongPin);
        keyd.Start();
        List<string> errors = [];
        foreach (var result in (CKR[])[CKR.CKR_GENERAL_ERROR, CKR.CKR_PIN_LEN_RANGE, CKR.CKR_PIN_INCORRECT, CKR.CKR_OK])
        {
            if (result != CKR.CKR_OK) keyd.Faults.Order("C_Login", result);
            var problem = Assert.Throws<ProblemException>(() => keyd.Keys.CreateKeyPair("device-id", "*"))!;
            errors.Add(problem.ToTerminalText());
        }

        using var check = new ObservedProcess(Stage.Daemon("keyd"), [.. keyd.Arguments, "--check"], keyd.Environment);
        check.WaitForExit(TimeSpan.FromSeconds(20));
        errors.Add(check.Output);
        errors.Add(keyd.Process.Output);
        foreach (var file in (string[])["cmdline", "environ", "comm", "status"]) errors.Add(File.ReadAllText($"/proc/{keyd.Process.Id}/{file}"));
        foreach (var file in Directory.EnumerateFiles(keyd.At("keyd"), "*", SearchOption.AllDirectories)) errors.Add(Encoding.Latin1.GetString(File.ReadAllBytes(file)));
        Assert.That(errors, Has.None.Contains(WrongPin));
        Assert.That(string.Concat(errors), Does.Match("refuse[sd] the PIN"), "there was something to look through");
    }

    [Test]
    public void The_process_gives_no_core_dump_and_its_PIN_is_locked_in_memory()
    {
        using var keyd = new FaultyKeyd();
        var folder = Directory.CreateDirectory(keyd.At("cores")).FullName;
        using (var other = new ObservedProcess("bash", ["-c", $"cd {folder} && ulimit -c unlimited && kill -ABRT $$"], keyd.Environment)) other.WaitForExit(s_patience);
        // Where the kernel hands core dumps to a program instead, none comes here in any case.
        var pattern = File.ReadAllText("/proc/sys/kernel/core_pattern");
        Assert.That(Directory.GetFiles(folder), pattern[0] is '|' or '/' ? Is.Empty : Is.Not.Empty, "of another process");
        foreach (var file in Directory.GetFiles(folder)) File.Delete(file);

        keyd.StartWithCoreDumps(folder);
        _ = keyd.Keys.CreateKeyPair("device-id", "ec-p256");
        var status = File.ReadAllLines($"/proc/{keyd.Process.Id}/status");
        Assert.That(LockedKilobytes(status), Is.Positive, "VmLck");
        using var kill = System.Diagnostics.Process.Start("kill", ["-ABRT", keyd.Process.Id.ToString()]);
        kill.WaitForExit();
        keyd.Process.WaitForExit(s_patience);
        Assert.That(Directory.GetFiles(folder), Is.Empty);
    }

    [TestCase(true)]
    [TestCase(false)]
    public void A_PIN_from_a_file_is_nowhere_in_memory_after_the_login(bool right)
    {
        using var keyd = new FaultyKeyd(APin, inFile: true, right);
        keyd.Start();
        Use(keyd, right);
        Assert.That(keyd.Faults.Logins, Is.EqualTo(1));
        Assert.That(ProcessMemory.Find(keyd.Process.Id, APin), Is.Empty);
    }

    [TestCase(true)]
    [TestCase(false)]
    public void A_PIN_in_the_configuration_is_in_memory_once_where_it_is_locked_and_in_no_core_dump(bool right)
    {
        using var keyd = new FaultyKeyd(APin, isRight: right);
        keyd.Start();
        Use(keyd, right);
        AssertLocked(keyd);

        // The configuration is read again, once with an error, for the principals in it.
        Directory.CreateDirectory(keyd.At("keyd.d"));
        File.WriteAllText(keyd.At("keyd.d/1.toml"), $"# pin-value={APin}\n[preloaded_keys]\nother = 'pkcs11:object=other?pin-value={APin}'\n");
        WaitForLog(keyd, "principals are in force now");
        AssertLocked(keyd);
        File.WriteAllText(keyd.At("keyd.d/2.toml"), $"[pkcs11]\nbase_slot = pkcs11:token=device?pin-value={APin}\n");
        WaitForLog(keyd, "cannot be used, the former principals stay in force");
        AssertLocked(keyd);

        // Tokens are logged in to more than once in a daemon's life.
        if (!right) return;
        keyd.Faults.Order("C_SignInit", CKR.CKR_DEVICE_REMOVED);
        Use(keyd, right);
        Assert.That(keyd.Faults.Logins, Is.EqualTo(2));
        AssertLocked(keyd);
    }

    private static void AssertLocked(FaultyKeyd keyd)
    {
        var mappings = ProcessMemory.Find(keyd.Process.Id, APin);
        Assert.That(mappings, Has.Count.EqualTo(1), string.Join('\n', mappings));
        Assert.That(mappings[0].Flags, Does.Contain("lo").And.Contain("dd"), mappings[0].Line);
    }

    private static void Use(FaultyKeyd keyd, bool right)
    {
        if (right) keyd.Keys.SignDigest(keyd.Keys.CreateKeyPair("device-id", "ec-p256").Handle, SignatureScheme.Ecdsa, HashAlgorithmName.SHA256, new byte[32]);
        else Assert.That(Assert.Throws<ProblemException>(() => keyd.Keys.CreateKeyPair("device-id", "*"))!.Code, Does.StartWith("pin_"));
    }

    // A request makes it look, at most once a second.
    private static void WaitForLog(FaultyKeyd keyd, string text) => Assert.That(() =>
    {
        Assert.Throws<ProblemException>(() => keyd.Http.Send("GET", "/keypair/none?api-version=2020-09-01"));
        return keyd.Process.Output.Contains(text, StringComparison.Ordinal);
    }, Is.True.After(10_000, 100));

    [TestCase("C_Initialize", CKR.CKR_GENERAL_ERROR)]
    [TestCase("C_GetSlotList", CKR.CKR_FUNCTION_FAILED)]
    [TestCase("C_GetTokenInfo", CKR.CKR_TOKEN_NOT_PRESENT)]
    [TestCase("C_OpenSession", CKR.CKR_DEVICE_ERROR)]
    public void A_device_node_that_may_not_be_opened_is_told(string function, CKR result)
    {
        using var keyd = new FaultyKeyd();
        keyd.Faults.Order(function, "refuse", (ulong)result, 1000);
        keyd.Start();
        var problem = Assert.Throws<ProblemException>(() => keyd.Keys.CreateKeyPair("device-id", "*"))!;
        Assert.That(problem.Code, Is.EqualTo("token_permission"));
        Assert.That(problem.Hint, Does.Contain("device node"));
    }

    private static int LockedKilobytes(string[] status) =>
        int.Parse(status.Single(static line => line.StartsWith("VmLck:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]);
}
