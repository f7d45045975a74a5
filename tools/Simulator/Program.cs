using System.Runtime.InteropServices;

namespace EstProv.Simulator;

internal static class Program
{
    private static async Task<int> Main(string[] arguments)
    {
        try
        {
            return arguments switch
            {
                ["sign-bootstrap", .. var rest] => OperatorCommands.SignBootstrap(new CommandLine(rest)),
                ["issue-est-id", .. var rest] => OperatorCommands.IssueEstIdentity(new CommandLine(rest)),
                _ => await ServeAsync(new CommandLine(arguments)),
            };
        }
        catch (CommandLineException e)
        {
            await Console.Error.WriteLineAsync("error: " + e.Message);
            return 2;
        }
    }

    private static async Task<int> ServeAsync(CommandLine line)
    {
        if (line.Flag("--help"))
        {
            Console.WriteLine(CommandLine.Help);
            return 0;
        }

        var init = line.Flag("--init");
        var options = line.Options() with { Log = Print };
        line.End();
        if (init)
        {
            Pki.SimulatorPki.LoadOrCreate(options.Data, options.KeyKind, options.Time.GetUtcNow());
            return 0;
        }

        var stop = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        await using var host = await SimulatorHost.StartAsync(options);
        await stop.Task;
        return 0;

        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.TrySetResult();
        }
    }

    private static void Print(string line)
    {
        lock (Console.Out)
        {
            Console.Out.WriteLine(line);
            Console.Out.Flush();
        }
    }
}
