namespace EstProv.AzureSdk.Tests;

/// <summary>One simulator and one SDK for all tests; each test has devices of its own.</summary>
[SetUpFixture]
internal sealed class World
{
    private static SimulatorProcess? s_simulator;
    private static NodeDriver? s_sdk;

    public static SimulatorProcess Simulator => s_simulator!;

    public static NodeDriver Sdk => s_sdk!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        s_simulator = await SimulatorProcess.StartAsync();
        if (NodeDriver.Start(Modules(), s_simulator.ServerCa, s_simulator.Port, out s_sdk) is { } missing)
        {
            Assert.Ignore(missing);
        }
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (s_sdk is not null)
        {
            await s_sdk.DisposeAsync();
        }

        if (s_simulator is not null)
        {
            await s_simulator.DisposeAsync();
        }
    }

    /// <summary>Where tools/build/azuresdk.sh has installed it: named by the environment, or in the tree's own out.</summary>
    private static string Modules()
    {
        if (Environment.GetEnvironmentVariable("ESTPROV_AZURE_SDK") is { Length: > 0 } named)
        {
            return named;
        }

        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "EstProv.sln")))
        {
            folder = folder.Parent;
        }

        return Path.Combine(folder?.FullName ?? "/", "out", "azure-sdk", "node_modules");
    }
}
