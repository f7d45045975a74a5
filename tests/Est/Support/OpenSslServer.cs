using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Est.Tests.Support;

/// <summary>
/// <c>openssl s_server</c>, which demands and verifies a client certificate: .NET's own server hangs up without an alert, most EST servers
/// send one.
/// </summary>
internal sealed class OpenSslServer : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("estprov-openssl-");
    private readonly Process _process;

    /// <param name="clientRoot">What client certificates are verified against.</param>
    /// <param name="options">More options of s_server, such as <c>-tls1_2</c>.</param>
    public OpenSslServer(X509Certificate2 certificate, X509Certificate2 issuer, X509Certificate2 clientRoot, params string[] options)
    {
        var start = new ProcessStartInfo("openssl") { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var argument in (string[])
        [
            "s_server", "-accept", "127.0.0.1:0", "-cert", Save("cert.pem", certificate.ExportCertificatePem()),
            "-key", Save("key.pem", certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem()), "-cert_chain", Save("chain.pem", issuer.ExportCertificatePem()),
            "-CAfile", Save("root.pem", clientRoot.ExportCertificatePem()), "-no_check_time", "-Verify", "5", "-verify_return_error", "-www", .. options,
        ])
        {
            start.ArgumentList.Add(argument);
        }

        _process = Process.Start(start)!;
        var port = new TaskCompletionSource<int>();
        _process.ErrorDataReceived += (_, _) => { };
        _process.OutputDataReceived += (_, output) =>
        {
            // ACCEPT 127.0.0.1:41234
            if (output.Data is null) port.TrySetException(new InvalidOperationException("openssl s_server did not start"));
            else if (output.Data.StartsWith("ACCEPT ", StringComparison.Ordinal)) port.TrySetResult(int.Parse(output.Data[(output.Data.LastIndexOf(':') + 1)..]));
        };
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        Port = port.Task.GetAwaiter().GetResult();
    }

    public int Port { get; }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    private string Save(string name, string content)
    {
        var path = Path.Combine(_folder.FullName, name);
        File.WriteAllText(path, content);
        return path;
    }
}
