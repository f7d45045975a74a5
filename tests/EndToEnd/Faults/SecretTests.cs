using System.Text;
using EstProv.EndToEnd.Tests.Support;
using EstProv.Platform;
using Net.Pkcs11Interop.Common;

namespace EstProv.EndToEnd.Tests.Faults;

/// <summary>A PIN stands where it must, and nowhere else.</summary>
public sealed class SecretTests
{
    private const string WrongPin = "s3cret-wrong-PIN-7fd1";

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
        keyd.Start();
        _ = keyd.Keys.CreateKeyPair("device-id", "ec-p256");
        var status = File.ReadAllLines($"/proc/{keyd.Process.Id}/status");
        Assert.That(LockedKilobytes(status), Is.Positive, "VmLck");

        using var kill = System.Diagnostics.Process.Start("kill", ["-ABRT", keyd.Process.Id.ToString()]);
        kill.WaitForExit();
        keyd.Process.WaitForExit(TimeSpan.FromSeconds(20));
        Assert.That(Directory.GetFiles(keyd.RuntimeDir).Concat(Directory.GetFiles(".", "core*")), Has.None.Contains("core"));
    }

    private static int LockedKilobytes(string[] status) =>
        int.Parse(status.Single(static line => line.StartsWith("VmLck:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]);
}
