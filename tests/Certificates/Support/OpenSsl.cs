using System.Diagnostics;

namespace EstProv.Certificates.Tests.Support;

/// <summary>The judge from outside.</summary>
internal static class OpenSsl
{
    /// <returns>Both outputs.</returns>
    public static string Run(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("openssl", arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false })!;
        var errors = process.StandardError.ReadToEndAsync();
        return process.StandardOutput.ReadToEnd() + errors.Result;
    }
}
