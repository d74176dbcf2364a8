using EdgeSdk.Modeling;
using EdgeSdk.Runtime;
using EdgeSdk.Server;
using EdgeSdk.Text;

namespace EdgeSdk.Tests.Chat;

/// <summary>Two models of random weights that share a tokenizer, one on the device, the other behind a real server on loopback.</summary>
public class GoldenPair : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("edge-pair-").FullName;
    private OnnxModel? _model;

    /// <summary>The device's model folder.</summary>
    public string Device => Path.Combine(_folder, "device");

    /// <summary>The server's model folder.</summary>
    public string ServerModel => Path.Combine(_folder, "server");

    /// <summary>A folder whose tokenizer differs from the server's.</summary>
    public string Stranger => Path.Combine(_folder, "stranger");

    internal EdgeServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        await Converter.ConvertAsync(Checkpoint("qwen3", _folder), Device);
        await ConvertStrangerAsync();
        await Converter.ConvertAsync(Checkpoint("deepseek_v3", _folder), ServerModel);
        _model = await OnnxModel.LoadAsync(ServerModel, new OnnxModelOptions { MinimumRows = 2 });
        Server = await EdgeServer.StartAsync(_model, new EdgeServerOptions
        {
            Urls = "http://127.0.0.1:0",
            Tokenizer = Tokenizer.Load(ServerModel),
            ChatTemplate = ChatTemplate.Parse(await File.ReadAllTextAsync(Path.Combine(ServerModel, "chat_template.jinja")), "chat_template.jinja"),
        });
    }

    internal EdgeOptions Options(EdgeRoute route = EdgeRoute.Auto) =>
        new() { Model = Device, Server = { Address = Server.Address }, Route = route, MaxOutputTokens = 24 };

    /// <summary>The folder of a golden checkpoint; a pair of another kind changes a copy of it, in <paramref name="scratch"/>.</summary>
    protected virtual string Checkpoint(string name, string scratch) => Assets.Data("hf/" + name);

    /// <summary>The same model with one token called otherwise.</summary>
    private async Task ConvertStrangerAsync()
    {
        string source = Path.Combine(_folder, "stranger-checkpoint");
        Directory.CreateDirectory(source);
        foreach (string file in Directory.EnumerateFiles(Assets.Data("hf/qwen3")))
            File.Copy(file, Path.Combine(source, Path.GetFileName(file)));

        string tokenizer = Path.Combine(source, "tokenizer.json");
        string text = await File.ReadAllTextAsync(tokenizer);
        await File.WriteAllTextAsync(tokenizer, text.Replace("<|user|>", "<|human|>", StringComparison.Ordinal));
        await Converter.ConvertAsync(source, Stranger);
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await _model!.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
        GC.SuppressFinalize(this);
    }
}
