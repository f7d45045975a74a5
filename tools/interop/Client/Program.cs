using System.Security.Cryptography;
using EstProv.Interop;
using EstProv.Platform;

// The EST client library on its own, as one command per operation: what the interop cases drive against other people's servers.
try
{
    var arguments = new Arguments(args);
    var operation = arguments.Operation;
    using var session = new EstSession(arguments);
    switch (operation)
    {
        case "cacerts":
            await session.CaCertificatesAsync();
            break;
        case "csrattrs":
            await session.AttributesAsync();
            break;
        case "enroll":
            await session.EnrollAsync(again: false);
            break;
        case "reenroll":
            await session.EnrollAsync(again: true);
            break;
        default:
            throw new UsageException($"'{operation}' is none of cacerts, csrattrs, enroll, reenroll");
    }

    return 0;
}
catch (ProblemException problem)
{
    // The code comes first: that is what a case waits for.
    await Console.Error.WriteLineAsync($"{problem.Code}\n{problem.ToTerminalText()}");
    return 1;
}
catch (Exception e) when (e is UsageException or IOException or CryptographicException)
{
    await Console.Error.WriteLineAsync($"error: {e.Message}");
    return 64;
}
