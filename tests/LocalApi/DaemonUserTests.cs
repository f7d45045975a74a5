using System.Diagnostics;
using EstProv.Messages;
using EstProv.Platform;

namespace EstProv.LocalApi.Tests;

public sealed class DaemonUserTests
{
    private const string Confined = "ESTPROV_TEST_CONFINED";

    [Test]
    public void A_root_that_may_not_change_users_is_told_so()
    {
        if (Environment.GetEnvironmentVariable(Confined) is not null)
        {
            Message.Shown("user_switch", Assert.Throws<ProblemException>(static () => DaemonUser.TakeOn("nobody"))!, ("nobody", "estprov-keyd"));
            return;
        }

        // Rights are a process's: this test again, in one that lacks them as in a container.
        var program = Environment.ProcessPath!;
        var start = new ProcessStartInfo("setpriv", ["--bounding-set=-setgid", "--inh-caps=-setgid", program])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        };
        if (Path.GetFileName(program) == "dotnet") start.ArgumentList.Add(typeof(DaemonUserTests).Assembly.Location);
        start.ArgumentList.Add("--filter");
        start.ArgumentList.Add("FullyQualifiedName~" + nameof(A_root_that_may_not_change_users_is_told_so));
        start.Environment[Confined] = "1";
        using var confined = Process.Start(start)!;
        var output = confined.StandardOutput.ReadToEnd();
        confined.WaitForExit();
        Assert.That(confined.ExitCode, Is.Zero, output);
    }
}
